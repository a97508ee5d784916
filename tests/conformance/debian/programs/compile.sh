# needs: gcc make
# gcc from source to program, make with four jobs, ar, a shared library.
mkdir project project/lib
cd project || exit 1
cat > main.c <<END
#include <stdio.h>
#include "lib/parts.h"
int main(int count, char **words)
{
    int sum = 0;
    for (int i = 0; i < 12; i++) {
        sum += parts[i](count);
    }
    printf("hello, %d %s\n", sum, count > 1 ? words[1] : "");
    return sum % 100;
}
END
echo 'extern int (*const parts[])(int);' > lib/parts.h
{
    for number in 1 2 3 4 5 6 7 8 9 10 11 12; do
        echo "int part$number(int x) { return x * $number; }" > lib/part$number.c
        echo "int part$number(int);"
    done
    echo 'int (*const parts[])(int) = {part1, part2, part3, part4, part5, part6, part7, part8,'
    echo '    part9, part10, part11, part12};'
} > lib/parts.c
cat > Makefile <<'END'
OBJECTS := main.o $(patsubst %.c,%.o,$(wildcard lib/*.c))
hello: main.o lib/libparts.a
	$(CC) -o $@ $^
lib/libparts.a: $(filter lib/%,$(OBJECTS))
	$(AR) rcsD $@ $^
%.o: %.c
	$(CC) -O1 -g -c -MMD -o $@ $<
-include $(OBJECTS:.o=.d)
clean:
	rm -f hello lib/*.[ado] *.[do]
END
make -s -j4 || exit 2
./hello there
echo status $?
make -q && echo up to date
touch -d @1000000000 lib/part7.o hello
make -q || echo not any more
make -j4 | sort
./hello
echo status $?
echo 'int main(void) { return nothing; }' > wrong.c
make wrong.o 2>&1 | grep -c error
echo 'int answer(void) { return 42; }' > shared.c
gcc -shared -fPIC -o libshared.so shared.c
cat > load.c <<END
#include <dlfcn.h>
#include <stdio.h>
int main(void)
{
    void *library = dlopen("./libshared.so", RTLD_NOW);
    int (*function)(void) = dlsym(library, "answer");
    printf("%d\\n", function());
}
END
gcc -o load load.c && ./load
printf 'int answer(void); int main(void) { return answer(); }\n' > use.c
gcc -o use use.c -L. -lshared && LD_LIBRARY_PATH=. ./use
echo status $?
./use 2>&1 | grep -c 'cannot open shared object'
nm -D libshared.so | grep answer | cut -c 18-
size -A hello | grep -c text
strip hello && ./hello >/dev/null
echo status $?
gcc -static -o static use.c shared.c && ./static
echo status $?
make -s clean
rm -f libshared.so load use static
ls
