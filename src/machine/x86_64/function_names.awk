# From `nm -n` of the kernel without names to the assembler's text of the table in function_names.c.

$2 ~ /^[tT]$/ && $3 !~ /^\./ && $1 ~ /^ffffffff/ {
    printf "\t.section .function_names, \"a\"\n\t.long 0x%s - 0x80000000, %d\n", substr($1, 9), used
    printf "\t.section .function_names_text, \"a\"\n\t.asciz \"%s\"\n", $3
    used += length($3) + 1
}
