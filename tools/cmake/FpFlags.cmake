# SPDX-License-Identifier: Apache-2.0
# Compiler flags as interface targets: fp_warnings (everything), fp_agent_flags
# (what is loaded into the host), fp_instrumented (unit tests and tools).

add_library(fp_warnings INTERFACE)
target_compile_options(fp_warnings INTERFACE
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
	$<$<BOOL:${FP_WERROR}>:-Werror>)
target_compile_definitions(fp_warnings INTERFACE _GNU_SOURCE= FP_VERSION="${PROJECT_VERSION}")
target_include_directories(fp_warnings INTERFACE ${CMAKE_SOURCE_DIR})

# -fno-builtin-malloc: the compiler must not drop or merge allocations it knows.
# -fno-tree-loop-distribute-patterns: a copy loop must stay a loop; as a call of
#   memcpy it would come back into our own hook.
# -fno-strict-aliasing: records of the capture are read as words and as structs.
# -fno-stack-protector: its failure path ends the host.
add_library(fp_agent_flags INTERFACE)
target_compile_options(fp_agent_flags INTERFACE
	-fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-builtin-malloc
	-fno-omit-frame-pointer
	$<$<C_COMPILER_ID:GNU>:-fno-tree-loop-distribute-patterns>
	$<$<C_COMPILER_ID:Clang>:-fno-builtin-memcpy> $<$<C_COMPILER_ID:Clang>:-fno-builtin-memset>
	-fno-strict-aliasing -fno-stack-protector)
target_link_libraries(fp_agent_flags INTERFACE fp_warnings)

add_library(fp_instrumented INTERFACE)
if(FP_SANITIZE)
	target_compile_options(fp_instrumented INTERFACE -fsanitize=${FP_SANITIZE} -fno-sanitize-recover=all)
	target_link_options(fp_instrumented INTERFACE -fsanitize=${FP_SANITIZE})
endif()
if(FP_COVERAGE)
	target_compile_options(fp_instrumented INTERFACE --coverage)
	target_link_options(fp_instrumented INTERFACE --coverage)
endif()
