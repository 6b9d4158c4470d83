# SPDX-License-Identifier: Apache-2.0
# fp_embed_assets(<target> <file>...): each file becomes a byte array linked
# into the target: base.js -> const unsigned char fp_asset_base_js[] and
# const size_t fp_asset_base_js_bytes, declared in the generated "assets.h".

function(fp_embed_assets target)
	set(folder ${CMAKE_BINARY_DIR}/generated)
	set(header "/* Made by tools/cmake/FpAssets.cmake. */\n#ifndef FP_ASSETS_H\n#define FP_ASSETS_H\n\n#include <stddef.h>\n\n")
	set(body "/* Made by tools/cmake/FpAssets.cmake. */\n\t.section .rodata\n")
	foreach(file IN LISTS ARGN)
		get_filename_component(name ${file} NAME)
		string(MAKE_C_IDENTIFIER "${name}" name)
		string(APPEND header
			"extern const unsigned char fp_asset_${name}[];\nextern const size_t fp_asset_${name}_bytes;\n")
		string(APPEND body
			"\t.global fp_asset_${name}\n\t.global fp_asset_${name}_bytes\n"
			"\t.balign 16\nfp_asset_${name}:\n\t.incbin \"${file}\"\n1:\t.byte 0\n"
			"\t.balign 8\nfp_asset_${name}_bytes:\n\t.quad 1b - fp_asset_${name}\n")
	endforeach()
	string(APPEND header "\n#endif\n")
	string(APPEND body "\t.section .note.GNU-stack,\"\",@progbits\n")
	file(CONFIGURE OUTPUT ${folder}/assets.h CONTENT "${header}" @ONLY)
	target_include_directories(${target} PUBLIC ${folder})
	if(ARGN)
		file(CONFIGURE OUTPUT ${folder}/assets.S CONTENT "${body}" @ONLY)
		target_sources(${target} PRIVATE ${folder}/assets.S)
		set_source_files_properties(${folder}/assets.S PROPERTIES OBJECT_DEPENDS "${ARGN}")
	endif()
endfunction()
