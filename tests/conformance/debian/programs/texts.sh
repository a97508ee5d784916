# needs: gawk diff
# grep, sed, gawk, diffutils, coreutils: more of their options than single commands show.
grep -E '^0[0-9]+' words | head -n 3
grep -v -n word words || echo none left
grep -o 'word1[0-2]' words | sort | uniq -c
grep -l needle -r . | sort
grep -q absent words; echo $?
grep -z -c line words
grep -f sub/one.txt words; echo $?
grep -A 1 -B 1 'line 77$' words
sed -e '/word5/d' -e 's/line \([0-9]*\)/\1 enil/' words | tail -n 3
sed -n '/word2/{p;q}' words
sed '1~100!d' words
sed 'N;s/\n/ + /' words | head -n 2
sed -i.before '1,398d;$a\appended' other
cat other
cmp -s other other.before; echo $?
gawk '{ sum[$2] += $1 }
      END { n = asorti(sum, k); for (i = 1; i <= n; i++) print k[i], sum[k[i]] }' words
gawk 'BEGIN { while (("seq 3" | getline line) > 0) print "got", line; close("seq 3")
              print "to sort" | "sort"; print "a line" | "sort"; close("sort")
              printf "%s %d\n", "co-process", 5 |& "cat"; close("cat", "to")
              "cat" |& getline back; print back; system("exit 3") }'
gawk -v RS= -F '\n' '{ print NF }' words
diff -u words other.before | head -n 8
diff -r sub sub && echo same
diff -q words other
cmp words other
diff3 words words other.before | head -n 2
sdiff -s words other.before | head -n 3
sort -t ' ' -k2,2 -k1,1n words | head -n 3
sort -S 50k -R words | sort | cksum
sort --parallel=2 words | cksum
split -l 100 words part. && ls part.* && cat part.* | cmp - words && rm part.*
csplit -s words 50 '{2}' && ls xx* && rm xx*
head -c 1000000 /dev/zero | tail -c 10 | od -An -c
dd if=words of=copied bs=100 skip=2 count=3 conv=notrunc 2>&1 | head -n 2
truncate -s 1M sparse; stat -c '%s %b' sparse; cp --sparse=always sparse holes; cmp sparse holes
install -m 640 words installed; stat -c %a installed
ln -s installed soft; ln installed hard; stat -c '%h %N' hard soft; readlink -f soft |
    grep -c installed
touch -d @1000000 dated; stat -c %Y dated; touch -r words dated; stat -c %Y dated
mktemp -d ./made.XXXXXX | wc -c; rmdir made.*
mkdir -p -m 700 deep/er/est; rmdir -p deep/er/est; ls -d deep 2>&1
chmod u=rw,g=r,o= words; stat -c %A words
cp -a sub tree; mv -T tree moved; rm -rf moved; ls
du -s --apparent-size -b sub; df -P . >/dev/null; sync
comm -12 words other; join -j 2 sub/one.txt sub/two.txt; paste -sd, sub/one.txt
tr -s a-z < sub/two.txt; expand -t 4 words |
    cksum; fmt -w 30 sub/one.txt; pr -l 20 -h title words | wc -l
nproc | grep -c '[0-9]'; stdbuf -oL echo buffered; nice -n 5 nice; nohup echo kept 2>/dev/null
env -i /usr/bin/env; test -t 0; echo $?; tty; who >/dev/null; logname 2>/dev/null; id -un
seq 3 | xargs -I{} echo item {}; printf 'a\0b c\0' | xargs -0 -n 1 echo; echo a |
    xargs -t false 2>&1; echo $?
