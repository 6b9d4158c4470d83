# SPDX-License-Identifier: Apache-2.0
# What comes from Debian.  Everything is looked for first and what is missing
# is named in one message, so that nothing is ever built half.

set(fp_missing "")


# fp_find(<package> <variable> HEADER <name> | LIBRARY <names>... | PROGRAM <name>)
macro(fp_find package variable kind)
	if("${kind}" STREQUAL "HEADER")
		find_path(${variable} NAMES ${ARGN})
	elseif("${kind}" STREQUAL "LIBRARY")
		find_library(${variable} NAMES ${ARGN})
	else()
		find_program(${variable} NAMES ${ARGN})
	endif()
	mark_as_advanced(${variable})
	if(NOT ${variable})
		list(APPEND fp_missing ${package})
	endif()
endmacro()

fp_find(libdw-dev FP_DW_HEADER HEADER elfutils/libdwfl.h)
fp_find(libdw-dev FP_DW LIBRARY dw)
fp_find(libelf-dev FP_ELF_HEADER HEADER gelf.h)
fp_find(libelf-dev FP_ELF LIBRARY elf)
fp_find(libcjson-dev FP_CJSON_HEADER HEADER cjson/cJSON.h)
fp_find(libcjson-dev FP_CJSON LIBRARY cjson)
fp_find(zlib1g-dev FP_Z_HEADER HEADER zlib.h)
fp_find(zlib1g-dev FP_Z LIBRARY z)
fp_find(liblz4-dev FP_LZ4_HEADER HEADER lz4frame.h)
fp_find(liblz4-dev FP_LZ4 LIBRARY lz4)
fp_find(libjemalloc-dev FP_JEMALLOC_PIC LIBRARY libjemalloc_pic.a)
# libunwind is built from Debian's source package; see build_libunwind.
fp_find(dpkg-dev FP_DPKG_SOURCE PROGRAM dpkg-source)
fp_find(apt FP_APT_GET PROGRAM apt-get)
fp_find(make FP_MAKE PROGRAM make gmake)
fp_find(xz-utils FP_XZ PROGRAM xz)
fp_find(binutils FP_OBJCOPY PROGRAM objcopy)
if(FP_TESTS)
	fp_find(libcmocka-dev FP_CMOCKA_HEADER HEADER cmocka.h)
	fp_find(libcmocka-dev FP_CMOCKA LIBRARY cmocka)
	fp_find(python3 FP_PYTHON PROGRAM python3)
endif()

if(fp_missing)
	list(REMOVE_DUPLICATES fp_missing)
	list(JOIN fp_missing " " fp_missing_text)
	message(FATAL_ERROR "filperf needs Debian packages that are not installed. Install them with\n"
		"    sudo apt-get install ${fp_missing_text}\nand run cmake again.")
endif()

add_library(fp_tool_packages INTERFACE)
target_include_directories(fp_tool_packages SYSTEM INTERFACE
	${FP_DW_HEADER} ${FP_ELF_HEADER} ${FP_CJSON_HEADER} ${FP_Z_HEADER} ${FP_LZ4_HEADER})
target_link_libraries(fp_tool_packages INTERFACE ${FP_DW} ${FP_ELF} ${FP_CJSON} ${FP_Z} ${FP_LZ4} m pthread)

# Private copies that the agent links.  Made once per build folder; the
# libunwind build is shared by build folders through a cache.
if(DEFINED ENV{FP_DEPS_CACHE})
	set(fp_deps_cache $ENV{FP_DEPS_CACHE})
elseif(DEFINED ENV{XDG_CACHE_HOME})
	set(fp_deps_cache $ENV{XDG_CACHE_HOME}/filperf-deps)
elseif(DEFINED ENV{HOME})
	set(fp_deps_cache $ENV{HOME}/.cache/filperf-deps)
else()
	set(fp_deps_cache ${CMAKE_BINARY_DIR}/deps-cache)
endif()
set(fp_deps ${CMAKE_BINARY_DIR}/deps)

set(fp_unwind_script ${CMAKE_SOURCE_DIR}/tools/cmake/build_libunwind)
set(fp_unwind_redirects ${CMAKE_SOURCE_DIR}/tools/cmake/libunwind.redirects)
add_custom_command(
	OUTPUT ${fp_deps}/libfpunwind.a ${fp_deps}/include/libunwind.h
	COMMAND ${CMAKE_COMMAND} -E env CC=${CMAKE_C_COMPILER} OBJCOPY=${FP_OBJCOPY}
		sh ${fp_unwind_script} ${fp_deps} ${fp_deps_cache} ${fp_unwind_redirects}
	DEPENDS ${fp_unwind_script} ${fp_unwind_redirects}
	COMMENT "Private libunwind from Debian's source package"
	VERBATIM)

set(fp_jemalloc_script ${CMAKE_SOURCE_DIR}/tools/cmake/build_jemalloc)
set(fp_jemalloc_redirects ${CMAKE_SOURCE_DIR}/tools/cmake/jemalloc.redirects)
add_custom_command(
	OUTPUT ${fp_deps}/libfpjemalloc.a
	COMMAND ${CMAKE_COMMAND} -E env CC=${CMAKE_C_COMPILER} OBJCOPY=${FP_OBJCOPY}
		sh ${fp_jemalloc_script} ${fp_deps} ${FP_JEMALLOC_PIC} ${fp_jemalloc_redirects}
	DEPENDS ${fp_jemalloc_script} ${fp_jemalloc_redirects} ${FP_JEMALLOC_PIC}
	COMMENT "Private jemalloc from ${FP_JEMALLOC_PIC}"
	VERBATIM)

add_custom_target(fp_private_libraries DEPENDS
	${fp_deps}/libfpunwind.a ${fp_deps}/include/libunwind.h ${fp_deps}/libfpjemalloc.a)

# Headers for who compiles against them; the archives for who links.  A program
# links fp_agent_parts, whose members the archives call back: the two name each
# other, so that the linker reads them again.
add_library(fp_private_headers INTERFACE)
target_include_directories(fp_private_headers SYSTEM INTERFACE ${fp_deps}/include)
add_dependencies(fp_private_headers fp_private_libraries)
foreach(name unwind jemalloc)
	add_library(fp_${name} STATIC IMPORTED GLOBAL)
	set_target_properties(fp_${name} PROPERTIES IMPORTED_LOCATION ${fp_deps}/libfp${name}.a)
	add_dependencies(fp_${name} fp_private_libraries)
endforeach()
