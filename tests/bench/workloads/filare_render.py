# SPDX-License-Identifier: Apache-2.0
"""A Filare render measured after its imports; arguments are Filare's."""

import filare.cli
import weasyprint  # noqa: F401  Filare imports it lazily

from meter import measured

measured(filare.cli.cli)
