/* The pages that timelines are put into, as they are in the files. */
    .section .rodata
    .global timeline_page
    .global timeline_page_end
    .global timeline_svg_script
    .global timeline_svg_script_end
timeline_page:
    .incbin "sim/timeline_page.html"
timeline_page_end:
timeline_svg_script:
    .incbin "sim/timeline_svg.js"
timeline_svg_script_end:
    .section .note.GNU-stack, "", @progbits
