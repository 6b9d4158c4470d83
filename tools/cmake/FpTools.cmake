# SPDX-License-Identifier: Apache-2.0
# The filperf program: tools/*.c over tools/*/*.c.

file(GLOB fp_tool_main CONFIGURE_DEPENDS tools/*.c)
file(GLOB fp_tool_sources CONFIGURE_DEPENDS tools/*/*.c)
file(GLOB fp_asset_files CONFIGURE_DEPENDS
	tools/assets/*.js tools/assets/*.css tools/assets/*.svg tools/assets/*.html tools/assets/*.txt)

set(FP_HAVE_TOOL OFF)
if(fp_tool_sources)
	add_library(fp_tool_parts STATIC ${fp_tool_sources})
	fp_embed_assets(fp_tool_parts ${fp_asset_files})
	target_link_libraries(fp_tool_parts
		PRIVATE fp_warnings fp_instrumented
		PUBLIC fp_agent_parts fp_tool_packages)
	target_compile_definitions(fp_tool_parts PRIVATE FP_RELATIVE_AGENT="${FP_BIN_TO_LIB}/libfilperf_agent.so")
	if(fp_tool_main)
		set(FP_HAVE_TOOL ON)
		add_executable(filperf ${fp_tool_main})
		target_link_libraries(filperf PRIVATE fp_warnings fp_instrumented fp_tool_parts)
		target_compile_definitions(filperf PRIVATE FP_RELATIVE_AGENT="${FP_BIN_TO_LIB}/libfilperf_agent.so")
		install(TARGETS filperf RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
	endif()
endif()
