# SPDX-License-Identifier: Apache-2.0
"""Calls thread_blocks_lib.c.  usage: thread_blocks_program.py LIBRARY ROUNDS"""
import ctypes
import sys

library = ctypes.CDLL(sys.argv[1])
library.thread_blocks.argtypes, library.thread_blocks.restype = [ctypes.c_uint64], None
library.thread_blocks(int(sys.argv[2]))
