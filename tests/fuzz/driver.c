/* Runs a fuzz target without libFuzzer: every seed, every prefix of every seed, then N mutated seeds. The numbers come
 * from one fixed stream, so that a failure repeats; before each input its bytes are kept, and an abort writes them to
 * fuzz-crash.bin.
 *
 *     fuzz_json [N]    fuzz_json 600s    for so many seconds    fuzz_json FILE ...    runs the files instead */
#include "fuzz.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LARGEST = 1 << 14 };

static uint8_t input[LARGEST];
static size_t length;

static uint64_t next(void) /* splitmix64 (Steele, Lea, Flood 2014) */
{
    static uint64_t state = 20161123;
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static size_t below(size_t n)
{
    return n ? (size_t)(next() % n) : 0;
}

static void on_abort(int number)
{
    int fd = open("fuzz-crash.bin", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd >= 0 && write(fd, input, length) >= 0) close(fd);
    signal(number, SIG_DFL);
    raise(number);
}

static void run(void)
{
    uint8_t *exact = malloc(length + 1); /* its own block: the sanitizer sees one byte too far */
    FUZZ_CHECK(exact);
    memcpy(exact, input, length);
    LLVMFuzzerTestOneInput(exact, length);
    free(exact);
}

static void insert(size_t at, const void *data, size_t size)
{
    if (size > LARGEST - length) return;
    memmove(input + at + size, input + at, length - at);
    memcpy(input + at, data, size);
    length += size;
}

static void erase(size_t at, size_t size)
{
    if (size > length - at) size = length - at;
    memmove(input + at, input + at + size, length - at - size);
    length -= size;
}

static void mutate(void)
{
    uint8_t copy[64];
    size_t at = below(length), size = 1 + below(sizeof copy);
    if (size > length - at) size = length - at;
    memcpy(copy, input + at, size);
    const fuzz_bytes *word = &fuzz_words[below(fuzz_n_words)], *other = &fuzz_seeds[below(fuzz_n_seeds)];
    switch (below(7)) {
    case 0:
        if (length) input[at] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        if (length) input[at] = (uint8_t)next();
        break;
    case 2:
        erase(at, size);
        break;
    case 3:
        insert(below(length + 1), copy, size);
        break;
    case 4:
        insert(below(length + 1), word->data, word->size);
        break;
    case 5:
        erase(at, word->size);
        insert(at, word->data, word->size);
        break;
    default:
        size = below(other->size + 1);
        insert(below(length + 1), other->data + below(other->size - size + 1), size);
    }
}

static void load(const fuzz_bytes *seed)
{
    length = seed->size < LARGEST ? seed->size : LARGEST;
    memcpy(input, seed->data, length);
}

static void run_seeds(void)
{
    for (size_t i = 0; i < fuzz_n_seeds; i++)
        for (size_t n = 0; n <= fuzz_seeds[i].size; n++) {
            load(&(fuzz_bytes){fuzz_seeds[i].data, n});
            run();
        }
}

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return 1;
    }
    length = fread(input, 1, LARGEST, f);
    fclose(f);
    run();
    return 0;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    long rounds = argc == 2 ? strtol(argv[1], &end, 10) : 20000, done = 0;
    bool timed = end && strcmp(end, "s") == 0;
    time_t stop = timed ? time(NULL) + rounds : 0;
    signal(SIGABRT, on_abort);
    signal(SIGSEGV, on_abort);
    if (argc > 1 && (!end || (*end && !timed))) {
        int failed = 0;
        for (int i = 1; i < argc; i++) failed |= run_file(argv[i]);
        return failed;
    }
    run_seeds();
    for (; timed ? time(NULL) < stop : done < rounds; done++) {
        load(&fuzz_seeds[below(fuzz_n_seeds)]);
        for (size_t n = 1 + below(6); n > 0; n--) mutate();
        run();
    }
    printf("%zu seeds, %ld mutated inputs\n", fuzz_n_seeds, done);
    return 0;
}
