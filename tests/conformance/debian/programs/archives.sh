# needs: tar gzip xz bzip2 find
# tar, gzip, xz, find and xargs: what they write, read again.
mkdir many
seq 300 | xargs -n 1 -P 4 sh -c 'seq "$0" > "many/$0"'
ls many | wc -l
find many -type f | sort | xargs cat | cksum
find many -type f -print0 | sort -z | xargs -0 cksum | cksum
find many -size -1 -o -name '1*' | sort | tail -n 2
find . -name '*.txt' -exec grep -H needle {} + -o -name '2?' -exec true {} \;
find many -newer words -name 7 -delete
find . -maxdepth 1 -type l -printf '%f -> %l\n'
find many -name '30*' | xargs -P 4 -n 1 wc -l | sort
tar -cf - many sub link | (mkdir out && cd out && tar -xf -)
diff -r many out/many && readlink out/link
tar -czf many.tgz many && tar -tzf many.tgz | wc -l
tar -cJf many.txz many && tar -xJf many.txz -C out && diff -r many out/many
tar --sort=name --mtime=@0 --owner=0 --group=0 -cf fixed.tar sub && cksum fixed.tar && rm fixed.tar
tar -xf archive.tar --to-command='cksum' | sort
tar -rf archive.tar words && tar -df archive.tar | sort && tar -tf archive.tar
gzip -k9 many/200 && gunzip -c many/200.gz | cmp - many/200 && gzip -l many/200.gz |
    tail -n 1 | cut -c 1-30
cat words many/100 | gzip | gzip -dc | cksum
gzip -t words.gz && zcat words.gz | cmp - words
printf broken | gzip -d 2>&1; echo $?
xz -k words && xz -dc words.xz | cmp - words && xz -t words.xz && xz -T 4 -c many/250 | xz -d |
    cksum
bzip2 -k words && bunzip2 -c words.bz2 | cmp - words
seq 20 | xargs -P 3 -L 2 echo | wc -w
seq 4 | xargs -P 4 -I{} sh -c 'exit {}'; echo $?
echo x | xargs sh -c 'exit 255' 2>/dev/null; echo $?
echo x | xargs missing-program 2>/dev/null; echo $?
seq 100000 | xargs echo | wc -l
rm many.tgz many.txz words.xz words.bz2 many/200.gz
rm -r out
