/* Messages of the local network: whatever they say, only names of browsers come out, with whole
 * addresses, and no more records than there is room for. */
#include "net/mdns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mdns_reader reader;
	struct mdns_record record;
	size_t count = 0;
	if (!mdns_reader_init(&reader, bytes_of(data, size)))
		return 0;
	while (mdns_reader_next(&reader, &record)) {
		uint8_t query[MDNS_QUERY_MAX];
		struct writer w = writer_of(query, sizeof query);
		CHECK(record.addr.family == ADDR_IPV4 || record.addr.family == ADDR_IPV6);
		CHECK(!addr_is_unspecified(&record.addr));
		CHECK(record.addr.port == 0 && record.addr.scope == 0);
		CHECK(mdns_is_candidate_name(bytes_of_text(record.name)));
		mdns_write_query(&w, bytes_of_text(record.name), MDNS_A);
		CHECK(!w.failed);
		count++;
	}
	CHECK(count <= size / 11);
	return 0;
}
