// The guest's ports. One process polls every socket; each TCP and SCTP connection gets a child of its own, datagrams are
// answered in the loop. Sockets are IPv6 ones that take IPv4 too, where the kernel has that; an answer leaves from the very
// address that was asked (IP_PKTINFO), whichever of the guest's addresses that was.
//
//   TCP 7, 5900, SCTP 7        a line "test-guest echo", then an echo
//   TCP 80, 8080, 5901         HTTP: /sbin/http with the connection on its standard input and output
//   TCP 5001, 5002             reads and discards; sends zeros until the peer closes
//   UDP 7, 53, 5900            echo, up to the largest datagram
//   IP protocol 253            echo of the payload (RFC 3692 keeps that number for experiments)
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { experimental = 253, most = 32 };

static char buffer[256 * 1024];

static void write_all(int fd, const char *data, ssize_t left) {
    while (left > 0) {
        ssize_t done = write(fd, data, left);
        if (done <= 0)
            exit(0);
        data += done;
        left -= done;
    }
}

static void echo(int fd) {
    static const char banner[] = "test-guest echo\n";
    write_all(fd, banner, sizeof banner - 1);
    for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;)
        write_all(fd, buffer, got);
}

static void discard(int fd) {
    while (recv(fd, NULL, 1 << 20, MSG_TRUNC) > 0) // MSG_TRUNC: TCP drops the bytes without copying them
        continue;
}

static void zeros(int fd) {
    memset(buffer, 0, sizeof buffer);
    for (;;)
        write_all(fd, buffer, sizeof buffer);
}

static void http(int fd) {
    struct sockaddr_in6 peer;
    socklen_t size = sizeof peer;
    char text[INET6_ADDRSTRLEN];
    if (getpeername(fd, (struct sockaddr *)&peer, &size) < 0)
        return;
    if (IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr))
        inet_ntop(AF_INET, peer.sin6_addr.s6_addr + 12, text, sizeof text);
    else
        inet_ntop(AF_INET6, &peer.sin6_addr, text, sizeof text);
    setenv("REMOTE_ADDR", text, 1);
    dup2(fd, 0);
    dup2(fd, 1);
    execl("/sbin/http", "http", NULL);
}

static const struct service {
    int type, protocol, port;
    void (*serve)(int fd); // without one, datagrams are echoed
} services[] = {
    {SOCK_STREAM, IPPROTO_TCP, 7, echo},      {SOCK_STREAM, IPPROTO_TCP, 5900, echo}, {SOCK_STREAM, IPPROTO_SCTP, 7, echo},
    {SOCK_STREAM, IPPROTO_TCP, 80, http},     {SOCK_STREAM, IPPROTO_TCP, 8080, http}, {SOCK_STREAM, IPPROTO_TCP, 5901, http},
    {SOCK_STREAM, IPPROTO_TCP, 5001, discard}, {SOCK_STREAM, IPPROTO_TCP, 5002, zeros},
    {SOCK_DGRAM, IPPROTO_UDP, 7, NULL},       {SOCK_DGRAM, IPPROTO_UDP, 53, NULL},    {SOCK_DGRAM, IPPROTO_UDP, 5900, NULL},
    {SOCK_RAW, experimental, 0, NULL},
};

static void answer(int fd, int skip_header) {
    struct sockaddr_in6 peer;
    char control[256];
    struct iovec data = {buffer, sizeof buffer};
    struct msghdr message = {
        .msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = &data, .msg_iovlen = 1,
        .msg_control = control, .msg_controllen = sizeof control,
    };
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
    if (got < 0)
        return;
    int header = skip_header ? (buffer[0] & 15) * 4 : 0; // an IPv4 raw socket hands over the IP header, an IPv6 one does not
    data.iov_base = buffer + header;
    data.iov_len = got - header;
    if (sendmsg(fd, &message, 0) < 0)
        warn("answer of %zd bytes", got);
}

static void serve(const struct service *service, int listener) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGCHLD, SIG_DFL); // the shell below waits for its own children
        service->serve(fd);
        exit(0);
    }
    if (child < 0)
        warn("fork");
    close(fd);
}

static int open_socket(const struct service *service, int family) {
    static const int on = 1;
    union { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; } local = {.any = {.sa_family = family}};
    int fd = socket(family, service->type | SOCK_CLOEXEC, service->protocol);
    if (fd < 0)
        return -1;
    if (service->type == SOCK_RAW) { // protocol without ports: no bind
        setsockopt(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, family == AF_INET ? IP_PKTINFO : IPV6_RECVPKTINFO, &on, sizeof on);
        return fd;
    }
    local.v6.sin6_port = htons(service->port); // sin_port lies at the same place
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    if (bind(fd, &local.any, family == AF_INET ? sizeof local.v4 : sizeof local.v6) < 0 || (service->serve && listen(fd, 1024) < 0))
        err(1, "port %d", service->port);
    return fd;
}

int main(void) {
    struct pollfd sockets[most];
    const struct service *owners[most];
    int raw4 = -1, count = 0;
    signal(SIGCHLD, SIG_IGN); // nobody waits for the children

    for (const struct service *service = services; service < services + sizeof services / sizeof *services; service++)
        for (int family = AF_INET6, fd; family; family = family == AF_INET6 && service->type == SOCK_RAW ? AF_INET : 0) {
            if ((fd = open_socket(service, family)) < 0) {
                warn("protocol %d", service->protocol);
                continue;
            }
            if (service->type == SOCK_RAW && family == AF_INET)
                raw4 = fd;
            owners[count] = service;
            sockets[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }

    if (daemon(1, 1) < 0) // whoever started this goes on when the ports listen
        err(1, "daemon");
    while (poll(sockets, count, -1) > 0 || errno == EINTR)
        for (int i = 0; i < count; i++)
            if (sockets[i].revents && owners[i]->serve)
                serve(owners[i], sockets[i].fd);
            else if (sockets[i].revents)
                answer(sockets[i].fd, sockets[i].fd == raw4);
    err(1, "poll");
}
