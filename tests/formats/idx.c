/* idx files, plain and gzipped, and what is refused of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <zlib.h>

#include "core/memory.h"
#include "formats/idx.h"

static const uint8_t plain[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 250, 251, 252};

static int64_t zip(const uint8_t *from, int64_t size, uint8_t *to, int64_t room)
{
    z_stream z = {.next_in = (z_const Bytef *)from, .avail_in = (uInt)size, .next_out = to, .avail_out = (uInt)room};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - (int64_t)z.avail_out;
}

static void check(const uint8_t *bytes, int64_t size)
{
    yl_idx idx;
    assert_int_equal(yl_idx_parse(bytes, size, "x", &idx), YL_OK);
    assert_int_equal(idx.n_dims, 3);
    assert_true(idx.dims[0] == 2 && idx.dims[1] == 1 && idx.dims[2] == 3);
    assert_memory_equal(idx.data, plain + 16, 6);
    yl__free(idx.data);
}

static void test_plain_and_gzipped(void **state)
{
    (void)state;
    uint8_t zipped[200];
    check(plain, sizeof plain);
    check(zipped, zip(plain, sizeof plain, zipped, sizeof zipped));
}

static void refused(const uint8_t *bytes, int64_t size, const char *sentence)
{
    yl_idx idx;
    assert_int_equal(yl_idx_parse(bytes, size, "x.gz", &idx), YL_FORMAT);
    if (!strstr(yl_error(), sentence)) fail_msg("'%s' lacks '%s'", yl_error(), sentence);
    assert_null(idx.data);
}

static void test_refusals(void **state)
{
    (void)state;
    uint8_t b[64], z[200];
    refused(plain, 3, "x.gz: ends within its head: expected 4 bytes, got 3");
    refused(plain, 10, "ends within its sizes");
    refused(plain, sizeof plain - 1, "its sizes say 6 bytes of elements, got 5");
    memcpy(b, plain, sizeof plain);
    b[2] = 13;
    refused(b, sizeof plain, "expected elements of type 8 (unsigned bytes), got type 13");
    b[0] = 'P';
    refused(b, sizeof plain, "not an idx file");
    memcpy(b, plain, sizeof plain);
    memset(b + 4, 255, 12);
    refused(b, sizeof plain, "elements, its sizes say");
    int64_t size = zip(plain, sizeof plain, z, sizeof z);
    refused(z, size - 9, "ends"); /* within the checksum, or before it */
    z[size - 6] ^= 1;
    refused(z, size, "its compression is damaged");
    memcpy(b, plain, sizeof plain);
    b[sizeof plain] = 7;
    size = zip(b, sizeof plain + 1, z, sizeof z);
    refused(z, size, "bytes stand behind its elements");
    size = zip(plain, sizeof plain - 2, z, sizeof z);
    refused(z, size, "ends within its elements: expected 6 bytes, got 4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain_and_gzipped), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
