#include "udp_floor.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/loop.h"

#define PING_SIZE 64

/* A socket on a port of its own; -1 when there is none. */
static int open_socket(struct sockaddr_in *local)
{
	*local = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(*local);
	/* A datagram that is lost must not be waited for. */
	struct timeval patience = {.tv_sec = 1};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)local, sizeof(*local)) != 0 ||
		getsockname(fd, (struct sockaddr *)local, &size) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

__attribute__((noreturn)) static void echo(int fd)
{
	char data[PING_SIZE];
	for (;;) {
		ssize_t size = recv(fd, data, sizeof(data), 0);
		if (size > 0)
			(void)send(fd, data, (size_t)size, 0);
	}
}

static size_t ping(int fd, usec duration, usec *times, size_t max)
{
	char data[PING_SIZE] = "ping";
	size_t count = 0;
	usec limit = net_now() + duration;
	while (count < max && net_now() < limit) {
		usec sent = net_now();
		if (send(fd, data, sizeof(data), 0) != sizeof(data) ||
			recv(fd, data, sizeof(data), 0) != sizeof(data))
			return 0;
		times[count++] = net_now() - sent;
	}
	return count;
}

size_t udp_floor_measure(usec duration, usec *times, size_t max)
{
	struct sockaddr_in here, there;
	size_t count = 0;
	int ours = open_socket(&here), theirs = open_socket(&there);
	if (ours < 0 || theirs < 0 ||
		connect(ours, (struct sockaddr *)&there, sizeof(there)) != 0 ||
		connect(theirs, (struct sockaddr *)&here, sizeof(here)) != 0)
		goto done;
	pid_t child = fork();
	if (child == 0)
		echo(theirs);
	if (child < 0)
		goto done;
	count = ping(ours, duration, times, max);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);

done:
	if (ours >= 0)
		close(ours);
	if (theirs >= 0)
		close(theirs);
	return count;
}
