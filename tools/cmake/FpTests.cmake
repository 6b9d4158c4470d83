# SPDX-License-Identifier: Apache-2.0
# Every tests/*/CMakeLists.txt is added.  Tests find things by environment:
# FP_BUILD FP_SOURCE FP_AGENT FP_AGENT_WALL FP_FILPERF; 77 is a printed SKIP.

set(FP_TEST_ENVIRONMENT
	FP_BUILD=${CMAKE_BINARY_DIR}
	FP_SOURCE=${CMAKE_SOURCE_DIR}
	FP_AGENT=${CMAKE_BINARY_DIR}/libfilperf_agent.so
	FP_AGENT_WALL=${CMAKE_BINARY_DIR}/libfilperf_agent_wall.so
	FP_FILPERF=${CMAKE_BINARY_DIR}/filperf
	PYTHONDONTWRITEBYTECODE=1)

# What may take longest begins first, so that none of it is left alone at the end.
function(fp_set_test_properties name timeout)
	set_tests_properties(${name} PROPERTIES
		ENVIRONMENT "${FP_TEST_ENVIRONMENT}"
		LABELS "${ARGN}"
		SKIP_RETURN_CODE 77
		COST ${timeout}
		TIMEOUT ${timeout})
endfunction()

# fp_unit_test(<name> <sources>... [LABELS <label>...] [TIMEOUT <s>]
#              [LIBRARIES <lib>...] [DEFINES <definition>...])
# A program over the agent's and the tools' parts (never the shim) and cmocka.
function(fp_unit_test name)
	cmake_parse_arguments(PARSE_ARGV 1 T "" "TIMEOUT" "LABELS;LIBRARIES;DEFINES")
	if(NOT T_LABELS)
		set(T_LABELS unit)
	endif()
	if(NOT T_TIMEOUT)
		set(T_TIMEOUT 120)
	endif()
	add_executable(${name} ${T_UNPARSED_ARGUMENTS})
	set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
	target_compile_definitions(${name} PRIVATE ${T_DEFINES})
	target_link_libraries(${name} PRIVATE fp_warnings fp_instrumented ${T_LIBRARIES})
	if(TARGET fp_tool_parts)
		target_link_libraries(${name} PRIVATE fp_tool_parts)
	endif()
	target_link_libraries(${name} PRIVATE fp_agent_parts ${FP_CMOCKA})
	add_test(NAME ${name} COMMAND ${name})
	fp_set_test_properties(${name} ${T_TIMEOUT} ${T_LABELS})
endfunction()

# fp_program(<name> <sources>... [LIBRARIES <lib>...]): a plain program or, for
# names ending in _lib, a shared object that scripts run; $FP_BUILD/tests/<name>.
function(fp_program name)
	cmake_parse_arguments(PARSE_ARGV 1 T "" "" "LIBRARIES")
	if(name MATCHES "_lib$")
		add_library(${name} SHARED ${T_UNPARSED_ARGUMENTS})
	else()
		add_executable(${name} ${T_UNPARSED_ARGUMENTS})
	endif()
	set_target_properties(${name} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests
		LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
	target_link_libraries(${name} PRIVATE fp_warnings ${T_LIBRARIES})
endfunction()

# fp_script_test(<name> <script> [ARGS <arg>...] [LABELS <label>...] [TIMEOUT <s>])
# The script runs by its interpreter: python3 for .py, sh otherwise.
function(fp_script_test name script)
	cmake_parse_arguments(PARSE_ARGV 2 T "" "TIMEOUT" "LABELS;ARGS")
	if(NOT T_LABELS)
		set(T_LABELS ${T_UNPARSED_ARGUMENTS})
	endif()
	if(NOT T_TIMEOUT)
		set(T_TIMEOUT 300)
	endif()
	get_filename_component(path ${script} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
	set(runner sh)
	if(script MATCHES "\\.py$")
		set(runner ${FP_PYTHON})
	endif()
	add_test(NAME ${name} COMMAND ${runner} ${path} ${T_ARGS} COMMAND_EXPAND_LISTS)
	fp_set_test_properties(${name} ${T_TIMEOUT} ${T_LABELS})
endfunction()

file(GLOB fp_test_folders CONFIGURE_DEPENDS tests/*/CMakeLists.txt)
foreach(list_file IN LISTS fp_test_folders)
	get_filename_component(folder ${list_file} DIRECTORY)
	add_subdirectory(${folder})
endforeach()
