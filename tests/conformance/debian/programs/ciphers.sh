# needs: openssl
# openssl: work for the processor, with vector registers, and random numbers.
head -c 3000000 /dev/zero | openssl enc -aes-256-cbc -K 00 -iv 00 2>/dev/null | openssl dgst -sha256
seq 200000 | openssl dgst -sha512
seq 200000 | openssl enc -chacha20 -K 01 -iv 02 2>/dev/null | openssl dgst -blake2b512
openssl genrsa -out key.pem 1024 2>/dev/null &&
    openssl rsa -in key.pem -pubout -out public.pem 2>/dev/null
openssl dgst -sha256 -sign key.pem -out signature words
openssl dgst -sha256 -verify public.pem -signature signature words
echo changed | openssl dgst -sha256 -verify public.pem -signature signature 2>/dev/null
openssl rand -hex 16 | wc -c
openssl prime -generate -bits 128 | wc -l
openssl speed -seconds 1 -bytes 1024 sha256 2>&1 | grep -c '^sha256'
rm key.pem public.pem signature
for number in 1 2 3 4; do seq $number 100000 | sha256sum > sum$number & done
wait
cat sum1 sum2 sum3 sum4
