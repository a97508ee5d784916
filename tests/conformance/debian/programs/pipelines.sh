# Pipelines, here-documents and redirections, in any shell.
cat words | tr a-z A-Z | grep WORD1 | sort -k3n | head -n 4
yes | head -n 100000 | wc -c
seq 20000 | tee copy | tail -n 1
cksum < copy
while read -r number word rest; do
    [ "$word" = word3 ] && echo "$number-$rest"
done < words | sort | sed -n '1,3p'
cat <<END | sed 's/^/> /'
expanded $((6 * 7)) and $(echo nested "$(echo more)")
END
cat <<'END'
not expanded $((6 * 7)) `x`
END
cat <<-END
	without its tab
	END
cat <<ONE - <<TWO
first
ONE
second
TWO
# A here-document of more than a pipe holds.
big=$(seq 30000)
cat <<END | cksum
$big
END
{ echo to output; echo to error >&2; } 2>errors >outputs
cat outputs errors
{ echo swapped >&2; } 3>&1 1>&2 2>&3 | sed 's/^/got /'
exec 4>appended
echo one >&4
echo two >&4
exec 4>&-
echo three >>appended
cat appended
echo closed 2>/dev/null >&4 || echo bad descriptor
set -C
echo again 2>/dev/null >appended || echo no clobber
echo forced >|appended
set +C
cat appended
false | true
echo status $?
true | false
echo status $?
! true | false
echo status $?
seq 5 | (read -r a; read -r b; echo "$a $b"; cat)
(exit 7) | (exit 8)
echo status $?
(trap '' PIPE; yes 2>/dev/null; echo "writer $?" >&2) 2>&1 >/dev/full | head -n 1
f() { echo "$# $*"; return 5; }
f a 'b c' | cat
f x >/dev/null
echo status $?
for number in 1 2 3; do echo $number; done | while read -r line; do echo "line $line"; done
echo "$(printf 'a\nb\n\n\n')" | od -c
printf '%s\n' sub/* | sort
echo w*s l?nk [o-p]*
IFS=:; set -- $(echo 'a:b c:d'); echo $#; unset IFS
mkfifo tube
seq 1000 > tube & sort -rn tube | head -n 2
wait
rm tube
