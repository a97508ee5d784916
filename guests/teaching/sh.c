/*
 * A shell: starts programs, lists processes and files.  It ends with `exit` or at the end of input
 * (Ctrl-D).  The parts are a table of commands and one function for each.
 */
#include "teaching.h"

enum { LINE_SIZE = 128, CHUNK = 16, PID_MAX = 65535 };

struct command {
    const char *name;
    const char *usage;
    void (*run)(const char *argument);
};

static bool ended;

static void run_ps(const char *argument)
{
    (void)argument;
    process_list();
}

static void run_ls(const char *argument)
{
    const char *path = argument[0] ? argument : "/";

    directory_list(path, text_length(path));
}

static bool is_printable(unsigned char byte)
{
    return byte >= ' ' && byte < 0x7f;
}

/* Sixteen bytes as hexadecimal numbers and as text. */
static void dump_line(uint64_t offset, const unsigned char *bytes, int64_t count)
{
    static const char digits[] = "0123456789abcdef";
    char numbers[3 * CHUNK + 1];
    char text[CHUNK + 1];

    memset(numbers, ' ', sizeof(numbers));
    for (int64_t i = 0; i < count; i++) {
        numbers[3 * i] = digits[bytes[i] >> 4];
        numbers[3 * i + 1] = digits[bytes[i] & 15];
        text[i] = is_printable(bytes[i]) ? (char)bytes[i] : '.';
    }
    numbers[3 * CHUNK] = '\0';
    text[count] = '\0';
    print("%08lx  %s |%s|\n", offset, numbers, text);
}

/* Whether there is an argument; says that one is missing. */
static bool is_named(const char *command, const char *argument, const char *what)
{
    if (!argument[0])
        print("%s: which %s? `ls` lists them\n", command, what);
    return argument[0];
}

static void run_cat(const char *argument)
{
    unsigned char bytes[CHUNK];
    uint64_t offset = 0;
    int64_t count;
    int fd;

    if (!is_named("cat", argument, "file"))
        return;
    fd = file_open(argument, text_length(argument));
    if (fd == 0) {
        print("cat: there is no file %s\n", argument);
        return;
    }
    while ((count = file_read(fd, bytes, sizeof(bytes))) > 0) {
        dump_line(offset, bytes, count);
        offset += (uint64_t)count;
    }
    if (count < 0)
        print("cat: %s cannot be read\n", argument);
    (void)file_close(fd);
}

/* 0 after having said why. */
static int program_spawn(const char *command, const char *path)
{
    int pid;

    if (!is_named(command, path, "program"))
        return 0;
    pid = process_spawn(path, text_length(path));
    if (pid == 0)
        print("There is no program %s\n", path);
    return pid;
}

static void run_exec(const char *argument)
{
    int pid = program_spawn("exec", argument);

    if (pid != 0)
        print("[#%d exited with %ld]\n", pid, process_wait(pid));
}

static void run_nohup(const char *argument)
{
    int pid = program_spawn("nohup", argument);

    if (pid != 0)
        print("[#%d started]\n", pid);
}

static void run_kill(const char *argument)
{
    uint64_t pid = text_to_number(argument);

    if (pid == 0 || pid > PID_MAX)
        print("kill: which process? `ps` lists them\n");
    else
        process_kill((int)pid);
}

static void run_clear(const char *argument)
{
    (void)argument;
    print("\x1b[2J\x1b[H");
}

static void run_exit(const char *argument)
{
    (void)argument;
    ended = true;
}

static void run_help(const char *argument);

static const struct command commands[] = {
    { "help", "help          this list", run_help },
    { "ps", "ps            the processes", run_ps },
    { "ls", "ls [PATH]     the files of a directory", run_ls },
    { "cat", "cat PATH      a file, as numbers and as text", run_cat },
    { "exec", "exec PATH     runs a program and waits for it", run_exec },
    { "nohup", "nohup PATH    runs a program and does not wait", run_nohup },
    { "kill", "kill PID      ends a process", run_kill },
    { "clear", "clear         empties the screen", run_clear },
    { "exit", "exit          ends the shell, as Ctrl-D does", run_exit },
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void run_help(const char *argument)
{
    (void)argument;
    for (int i = 0; i < COMMANDS; i++)
        print("%s\n", commands[i].usage);
}

/* Ends the first word with a zero; gives what follows it and blanks. */
static char *argument_split(char *line)
{
    while (*line && *line != ' ')
        line++;
    while (*line == ' ')
        *line++ = '\0';
    return line;
}

static void line_run(char *line)
{
    char *argument;

    while (*line == ' ')
        line++;
    argument = argument_split(line);
    (void)argument_split(argument);
    if (line[0] == '\0')
        return;
    for (int i = 0; i < COMMANDS; i++) {
        if (text_equal(line, commands[i].name)) {
            commands[i].run(argument);
            return;
        }
    }
    print("There is no command %s; `help` lists them.\n", line);
}

int main(int argc, char **argv)
{
    char line[LINE_SIZE];

    (void)argc;
    (void)argv;
    while (!ended) {
        print("$ ");
        if (read_line(line, sizeof(line)) < 0)
            break;
        line_run(line);
    }
    print("bye\n");
    return 0;
}
