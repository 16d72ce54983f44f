#include "dtls/suite.h"
#include "dtls/limits.h"

/* RFC 5288 section 3: four bytes of the nonce are derived, eight are in the record. */
#define AES_128_GCM                                                                                \
	.hash = "SHA256", .cipher = EVP_aes_128_gcm, .key_size = 16, .salt_size = 4,               \
	.explicit_size = 8, .blocks_max = DTLS_SEALED_BLOCKS_MAX
#define AES_256_GCM                                                                                \
	.hash = "SHA384", .cipher = EVP_aes_256_gcm, .key_size = 32, .salt_size = 4,               \
	.explicit_size = 8, .blocks_max = DTLS_SEALED_BLOCKS_MAX
/* RFC 7905 section 2: the nonce is derived whole and mixed with the sequence number. Its use is
 * limited by that number alone. */
#define CHACHA20_POLY1305                                                                          \
	.hash = "SHA256", .cipher = EVP_chacha20_poly1305, .key_size = 32, .salt_size = 12,        \
	.explicit_size = 0, .blocks_max = UINT64_MAX

/* RFC 8827 section 6.5: the first must be there. The RSA ones are for peers whose certificate is.
 */
const struct suite suites[] = {
	{.id = 0xc02b, .name = "ECDHE-ECDSA-AES128-GCM-SHA256", AES_128_GCM},
	{.id = 0xc02c, .name = "ECDHE-ECDSA-AES256-GCM-SHA384", AES_256_GCM},
	{.id = 0xcca9, .name = "ECDHE-ECDSA-CHACHA20-POLY1305", CHACHA20_POLY1305},
	{.id = 0xc02f, .name = "ECDHE-RSA-AES128-GCM-SHA256", AES_128_GCM},
	{.id = 0xc030, .name = "ECDHE-RSA-AES256-GCM-SHA384", AES_256_GCM},
	{.id = 0xcca8, .name = "ECDHE-RSA-CHACHA20-POLY1305", CHACHA20_POLY1305},
};
const size_t suite_count = sizeof suites / sizeof suites[0];

const struct suite *suite_find(uint16_t id)
{
	for (size_t i = 0; i < suite_count; i++) {
		if (suites[i].id == id)
			return &suites[i];
	}
	return NULL;
}
