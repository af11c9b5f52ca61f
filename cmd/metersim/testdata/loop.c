/* Reads a meter again and again and does nothing else: the measure for what a
 * transaction costs. Arguments: a terminal, how many transactions, and "bytes"
 * to wake for each byte or "due" to sleep until bytes must be there. */
#define _DEFAULT_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static const long byte_ns = 11L * 1000000000L / 9600;

static void sleep_bytes(int n)
{
	struct timespec t = {0, 0};
	long ns = n * byte_ns;
	t.tv_sec = ns / 1000000000L;
	t.tv_nsec = ns % 1000000000L;
	nanosleep(&t, NULL);
}

int main(int argc, char **argv)
{
	/* 4 FE, then a read of 0201FF00 (odd) or 0202FF00 from 202411200101 */
	unsigned char req[20] = {0xFE, 0xFE, 0xFE, 0xFE, 0x68, 0x01, 0x01, 0x20, 0x11, 0x24, 0x20, 0x68, 0x11, 4, 0x33, 0x32, 0, 0x35, 0, 0x16};
	unsigned char in[512];
	struct termios t;
	int fd, n, i, total, want, header, due;
	if (argc != 4 || (fd = open(argv[1], O_RDWR | O_NOCTTY)) < 0)
		return 1;
	due = !strcmp(argv[3], "due");
	tcgetattr(fd, &t);
	cfmakeraw(&t);
	cfsetspeed(&t, B9600);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	tcsetattr(fd, TCSANOW, &t);
	for (n = atoi(argv[2]); n > 0; n--) {
		unsigned char sum = 0;
		struct pollfd p = {fd, POLLIN, 0};
		req[16] = 0x33 + 1 + n % 2;
		for (i = 4; i < 18; i++)
			sum += req[i];
		req[18] = sum;
		if (write(fd, req, sizeof req) != sizeof req)
			return 2;
		if (due)
			sleep_bytes(sizeof req);
		for (total = 0, want = 12; total < want;) {
			if (due && total > 0)
				sleep_bytes(want - total);
			if (poll(&p, 1, 20000) != 1)
				return 3;
			if ((i = read(fd, in + total, due ? sizeof in - total : 1)) <= 0)
				return 4;
			total += i;
			for (header = 0; header < total && in[header] == 0xFE; header++)
				;
			want = header + 12;
			if (total >= header + 10)
				want = header + 12 + in[header + 9];
		}
	}
	return 0;
}
