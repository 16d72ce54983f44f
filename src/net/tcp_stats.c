/* A file of its own: <linux/tcp.h>, which has all the fields, does not go together with
 * <netinet/tcp.h>, which libuv includes. */
#include "net/tcp_stats.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Smallest round trips are in Linux since 4.6, delivery rates since 4.9; fields behind what a
 * kernel knows are not written. */
#define NEEDED (offsetof(struct tcp_info, tcpi_delivery_rate) + sizeof(uint64_t))

bool net_tcp_stats_read(int fd, struct net_tcp_stats *ret_stats)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || size < NEEDED)
		return false;
	/* "No round trip was measured yet" is the largest number. */
	bool has_min = info.tcpi_min_rtt != UINT32_MAX;
	*ret_stats = (struct net_tcp_stats){
		.rtt = info.tcpi_rtt,
		.jitter = info.tcpi_rttvar,
		.rtt_min = has_min ? info.tcpi_min_rtt : 0,
		.segments_out = info.tcpi_data_segs_out,
		.retransmissions = info.tcpi_total_retrans,
		.cwnd = (size_t)info.tcpi_snd_cwnd * info.tcpi_snd_mss,
		.delivery_rate = info.tcpi_delivery_rate,
	};
	return true;
}
