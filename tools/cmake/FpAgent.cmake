# SPDX-License-Identifier: Apache-2.0
# The agent.  Each folder is compiled up to three times: for the product, for
# the wall-clock agent of the tests, and (under a sanitizer or coverage) for
# unit tests and tools; the preloaded objects are never instrumented.

set(fp_agent_folders base settings capture hot ledger python native)
set(FP_AGENT_GLOBS_top agent/*.c agent/*.S)
set(FP_AGENT_GLOBS_shim shim/*.c shim/*.S)

# fp_agent_objects(<suffix> <defines> <interface libs>): object libraries
# fp_<folder><suffix>; their names are left in FP_OBJECTS<suffix>.
function(fp_agent_objects suffix definitions)
	set(all "")
	foreach(folder IN LISTS fp_agent_folders ITEMS top shim)
		set(globs agent/${folder}/*.c agent/${folder}/*.S)
		if(DEFINED FP_AGENT_GLOBS_${folder})
			set(globs ${FP_AGENT_GLOBS_${folder}})
		endif()
		file(GLOB sources CONFIGURE_DEPENDS ${globs})
		list(FILTER sources EXCLUDE REGEX "/agent/base/heap[^/]*\\.c$")
		if(NOT sources)
			continue()
		endif()
		set(target fp_${folder}${suffix})
		if(folder STREQUAL "top")
			set(target fp_agent${suffix})
		endif()
		add_library(${target} OBJECT ${sources})
		target_link_libraries(${target} PRIVATE fp_agent_flags fp_private_headers ${ARGN})
		target_compile_definitions(${target} PRIVATE
			${definitions}
			FP_RELATIVE_TOOL="${FP_LIB_TO_BIN}/filperf"
			FP_AGENT_NAME="$<IF:$<STREQUAL:${suffix},_wall>,libfilperf_agent_wall.so,libfilperf_agent.so>")
		if(folder MATCHES "^(hot|ledger)$" AND NOT suffix STREQUAL "_test")
			# Signal handlers run on small stacks.
			target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:C>:-Wframe-larger-than=1024>)
		endif()
		if(folder STREQUAL "shim")
			# A copy is a count and a jump: no frame, and nothing that the compiler takes for a call of itself.
			set_source_files_properties(shim/hook_copy.c TARGET_DIRECTORY ${target} PROPERTIES
				COMPILE_OPTIONS "-fomit-frame-pointer;-fno-builtin")
		endif()
		if(folder STREQUAL "hot")
			# Each event of Python's allocators: one register more to hold what is compared.
			set_source_files_properties(agent/hot/domains_exact.c TARGET_DIRECTORY ${target} PROPERTIES
				COMPILE_OPTIONS "-fomit-frame-pointer")
		endif()
		list(APPEND all ${target})
	endforeach()
	set(FP_OBJECTS${suffix} "${all}" PARENT_SCOPE)
endfunction()

# Calls from inside of what copies: the hooks' own names would bring them back in
# as copies of the program's (agent/base/move.h).
set(fp_own_copies "")
foreach(name memcpy=fp_base_move memmove=fp_base_move mempcpy=fp_base_move_to_end)
	string(REGEX REPLACE "=.*" "" called ${name})
	list(APPEND fp_own_copies -Wl,--wrap=${called} -Wl,--defsym=__wrap_${name})
endforeach()

function(fp_agent_library target objects)
	add_library(${target} SHARED)
	foreach(object IN LISTS objects)
		target_sources(${target} PRIVATE $<TARGET_OBJECTS:${object}>)
	endforeach()
	# The heap comes from an archive: an agent that never asks for it carries
	# neither its code nor its thread-local storage.
	target_link_libraries(${target} PRIVATE fp_heap ${fp_deps}/libfpunwind.a ${fp_deps}/libfpjemalloc.a)
	add_dependencies(${target} fp_private_libraries)
	target_link_options(${target} PRIVATE
		-Wl,-z,now -Wl,-z,defs -Wl,-z,relro -Wl,--exclude-libs,ALL -Wl,--gc-sections
		${fp_own_copies}
		-Wl,--version-script=${CMAKE_SOURCE_DIR}/shim/exports.map)
	if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
		# What the compiler needs, from an archive: no libgcc_s in the host.
		target_link_options(${target} PRIVATE -static-libgcc)
	endif()
	set_target_properties(${target} PROPERTIES
		LINKER_LANGUAGE C
		LINK_DEPENDS ${CMAKE_SOURCE_DIR}/shim/exports.map)
endfunction()

file(RELATIVE_PATH FP_LIB_TO_BIN /${CMAKE_INSTALL_LIBDIR} /${CMAKE_INSTALL_BINDIR})
file(RELATIVE_PATH FP_BIN_TO_LIB /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})

add_library(fp_heap STATIC agent/base/heap.c agent/base/heap_host.c)
target_link_libraries(fp_heap PRIVATE fp_agent_flags)

fp_agent_objects("" "")
# The shared object needs all of it; half an agent is not linked.
set(FP_HAVE_AGENT OFF)
if(TARGET fp_shim AND TARGET fp_agent AND EXISTS ${CMAKE_SOURCE_DIR}/shim/exports.map)
	set(FP_HAVE_AGENT ON)
	fp_agent_library(filperf_agent "${FP_OBJECTS}")
	install(TARGETS filperf_agent LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
	if(FP_TESTS)
		fp_agent_objects(_wall FP_TEST_WALL_CLOCK=1)
		fp_agent_library(filperf_agent_wall "${FP_OBJECTS_wall}")
	endif()
endif()

# What tools and unit tests link: an archive, so that each takes only the
# members it needs.  The shim is not in it: its hooks would catch the tests' own calls.
set(fp_archive_objects ${FP_OBJECTS})
if(FP_SANITIZE OR FP_COVERAGE)
	fp_agent_objects(_test "" fp_instrumented)
	set(fp_archive_objects ${FP_OBJECTS_test})
endif()
list(FILTER fp_archive_objects EXCLUDE REGEX "^fp_shim")
add_library(fp_agent_parts STATIC)
foreach(object IN LISTS fp_archive_objects)
	target_sources(fp_agent_parts PRIVATE $<TARGET_OBJECTS:${object}>)
endforeach()
set_target_properties(fp_agent_parts PROPERTIES LINKER_LANGUAGE C)
target_link_libraries(fp_agent_parts PUBLIC fp_unwind fp_heap fp_private_headers)
target_link_libraries(fp_unwind INTERFACE fp_agent_parts)
target_link_libraries(fp_heap INTERFACE fp_jemalloc)
target_link_libraries(fp_jemalloc INTERFACE fp_heap)
# libunwind calls back into agent/native/unwind_host.c, which the linker has passed by then.
target_link_options(fp_agent_parts INTERFACE -Wl,--undefined=fp_native_malloc)
