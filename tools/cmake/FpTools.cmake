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

# Man pages and completions come from the program's own tables.
if(FP_HAVE_TOOL)
	set(fp_pages ${CMAKE_BINARY_DIR}/pages)
	add_custom_command(
		OUTPUT ${fp_pages}/man/man1/filperf.1
		COMMAND ${CMAKE_COMMAND} -E rm -rf ${fp_pages}
		COMMAND ${CMAKE_COMMAND} -E make_directory ${fp_pages}
		# What a finished program still holds is no fault of its pages.
		COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0 $<TARGET_FILE:filperf> generate ${fp_pages}
		DEPENDS filperf
		COMMENT "Man pages and completions"
		VERBATIM)
	add_custom_target(fp_generated_pages ALL DEPENDS ${fp_pages}/man/man1/filperf.1)
	install(DIRECTORY ${fp_pages}/man/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
	install(FILES ${fp_pages}/completions/filperf.bash
		DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME filperf)
	install(FILES ${fp_pages}/completions/_filperf DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
	install(FILES ${fp_pages}/completions/filperf.fish
		DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
	install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
	install(FILES ${fp_deps}/COPYING.libunwind DESTINATION ${CMAKE_INSTALL_DOCDIR})
	install(FILES /usr/share/doc/libjemalloc-dev/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR}
		RENAME COPYING.jemalloc OPTIONAL)
endif()
