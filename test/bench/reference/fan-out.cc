// What the forwarding of SRTP costs a C++ program without segmentation offload: the yardstick of `npm run bench -- fan-out`.
//   fan-out forward PORT N SINK_PORT   one socket in, N sendto out, each target with its own keys (AES_CM_128_HMAC_SHA1_80)
//   fan-out generate PORT PPS BURST PAYLOAD_BYTES
//   fan-out sink SINK_PORT N           N sockets that are read and counted
// `forward` and `sink` print `CPU_MICROSECONDS PACKETS` for every line on standard input; all end with it.
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr int kTag = 10;
constexpr int kSocketBuffer = 4 << 20;
constexpr int kHeader = 20;

void fail(const char* what) {
  perror(what);
  exit(1);
}

double seconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

// One direction of SRTP (RFC 3711): a cipher context that keeps its key schedule, and the two states of the HMAC key.
struct Srtp {
  EVP_CIPHER_CTX* cipher;
  uint8_t salt[14];
  SHA_CTX inner, outer;

  explicit Srtp(uint8_t seed) {
    uint8_t key[16], auth[64] = {};
    for (int i = 0; i < 16; i++) key[i] = seed * 31 + i;
    for (int i = 0; i < 14; i++) salt[i] = seed * 17 + i;
    for (int i = 0; i < 20; i++) auth[i] = seed * 13 + i;
    cipher = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(cipher, EVP_aes_128_ctr(), nullptr, key, nullptr);
    uint8_t pad[64];
    for (int i = 0; i < 64; i++) pad[i] = auth[i] ^ 0x36;
    SHA1_Init(&inner);
    SHA1_Update(&inner, pad, 64);
    for (int i = 0; i < 64; i++) pad[i] = auth[i] ^ 0x5c;
    SHA1_Init(&outer);
    SHA1_Update(&outer, pad, 64);
  }

  void crypt(uint8_t* to, const uint8_t* from, int length, uint32_t ssrc, uint32_t roc, uint16_t seq) {
    uint8_t iv[16] = {};
    memcpy(iv, salt, 14);
    for (int i = 0; i < 4; i++) iv[4 + i] ^= ssrc >> (24 - 8 * i);
    for (int i = 0; i < 4; i++) iv[8 + i] ^= roc >> (24 - 8 * i);
    iv[12] ^= seq >> 8;
    iv[13] ^= seq;
    EVP_EncryptInit_ex(cipher, nullptr, nullptr, nullptr, iv);
    int done;
    EVP_EncryptUpdate(cipher, to, &done, from, length);
  }

  void tag(uint8_t* to, const uint8_t* packet, int length, uint32_t roc) {
    uint8_t digest[20];
    uint32_t rocBe = htonl(roc);
    SHA_CTX context = inner;
    SHA1_Update(&context, packet, length);
    SHA1_Update(&context, &rocBe, 4);
    SHA1_Final(digest, &context);
    context = outer;
    SHA1_Update(&context, digest, 20);
    SHA1_Final(digest, &context);
    memcpy(to, digest, kTag);
  }
};

int udpSocket(int port) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof kSocketBuffer);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind");
  return fd;
}

sockaddr_in loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Answers a line on standard input. Returns false at its end.
bool answer(uint64_t packets) {
  char line[64];
  ssize_t got = read(0, line, sizeof line);
  if (got <= 0) return false;
  printf("%.0f %llu\n", seconds(CLOCK_PROCESS_CPUTIME_ID) * 1e6, static_cast<unsigned long long>(packets));
  fflush(stdout);
  return true;
}

struct Target {
  Srtp srtp;
  sockaddr_in address;
  uint32_t ssrc, timestampOffset;
  uint16_t seqOffset, transportSeq;
};

int forward(int port, int count, int sinkPort) {
  int fd = udpSocket(port);
  Srtp in(1);
  std::vector<Target> targets;
  for (int i = 0; i < count; i++)
    targets.push_back({Srtp(i + 2), loopback(sinkPort + i), 0x10000u + i, 77u * i, static_cast<uint16_t>(i), 0});
  uint64_t sent = 0;
  pollfd waits[2] = {{fd, POLLIN, 0}, {0, POLLIN, 0}};
  uint8_t packet[2048], out[2048], plain[2048], expected[kTag];
  while (true) {
    poll(waits, 2, -1);
    if ((waits[1].revents != 0) && !answer(sent)) return 0;
    while (true) {
      ssize_t got = recv(fd, packet, sizeof packet, MSG_DONTWAIT);
      if (got < kHeader + kTag) break;
      int length = got - kTag;
      uint16_t seq = packet[2] << 8 | packet[3];
      in.tag(expected, packet, length, 0);
      if (memcmp(expected, packet + length, kTag) != 0) continue;
      in.crypt(plain, packet + kHeader, length - kHeader, 0xaabbccdd, 0, seq);
      uint32_t timestamp;
      memcpy(&timestamp, packet + 4, 4);
      for (Target& target : targets) {
        memcpy(out, packet, kHeader);
        uint16_t outSeq = seq + target.seqOffset;
        out[1] = (packet[1] & 0x80) | 97;
        out[2] = outSeq >> 8;
        out[3] = outSeq;
        uint32_t word = htonl(ntohl(timestamp) + target.timestampOffset);
        memcpy(out + 4, &word, 4);
        word = htonl(target.ssrc);
        memcpy(out + 8, &word, 4);
        uint16_t transport = target.transportSeq++;
        out[17] = transport >> 8;
        out[18] = transport;
        target.srtp.crypt(out + kHeader, plain, length - kHeader, target.ssrc, 0, outSeq);
        target.srtp.tag(out + length, out, length, 0);
        sendto(fd, out, length + kTag, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&target.address),
               sizeof target.address);
        sent++;
      }
    }
  }
}

int generate(int port, double pps, int burst, int payload) {
  Srtp srtp(1);
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in to = loopback(port);
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) fail("connect");
  uint8_t out[2048], plain[2048];
  memset(plain, 7, sizeof plain);
  double start = seconds(CLOCK_MONOTONIC);
  pollfd input = {0, POLLIN, 0};
  for (uint64_t sent = 0;;) {
    if (poll(&input, 1, 1) > 0) return 0;
    uint64_t due = (seconds(CLOCK_MONOTONIC) - start) * pps / burst;
    for (; sent < due * burst; sent++) {
      memset(out, 0, kHeader);
      uint16_t seq = sent;
      out[0] = 0x90;
      out[1] = 96;
      out[2] = seq >> 8;
      out[3] = seq;
      uint32_t word = htonl(static_cast<uint32_t>(sent / burst * 3000));
      memcpy(out + 4, &word, 4);
      word = htonl(0xaabbccdd);
      memcpy(out + 8, &word, 4);
      const uint8_t extension[8] = {0xbe, 0xde, 0, 1, 0x31, 0, 0, 0};
      memcpy(out + 12, extension, 8);
      srtp.crypt(out + kHeader, plain, payload, 0xaabbccdd, 0, seq);
      srtp.tag(out + kHeader + payload, out, kHeader + payload, 0);
      send(fd, out, kHeader + payload + kTag, 0);
    }
  }
}

int sink(int port, int count) {
  int poller = epoll_create1(0);
  for (int i = 0; i < count; i++) {
    epoll_event event = {EPOLLIN, {.fd = udpSocket(port + i)}};
    epoll_ctl(poller, EPOLL_CTL_ADD, event.data.fd, &event);
  }
  epoll_event event = {EPOLLIN, {.fd = 0}};
  epoll_ctl(poller, EPOLL_CTL_ADD, 0, &event);
  uint64_t received = 0;
  uint8_t packet[2048];
  while (true) {
    epoll_event ready[64];
    int got = epoll_wait(poller, ready, 64, -1);
    for (int i = 0; i < got; i++) {
      if (ready[i].data.fd == 0) {
        if (!answer(received)) return 0;
      } else
        while (recv(ready[i].data.fd, packet, sizeof packet, MSG_DONTWAIT) > 0) received++;
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  auto number = [&](int index) { return index < count ? atoi(arguments[index]) : 0; };
  const char* mode = count > 1 ? arguments[1] : "";
  if (strcmp(mode, "forward") == 0) return forward(number(2), number(3), number(4));
  if (strcmp(mode, "generate") == 0) return generate(number(2), number(3), number(4), number(5));
  if (strcmp(mode, "sink") == 0) return sink(number(2), number(3));
  fprintf(stderr, "usage: fan-out forward PORT N SINK_PORT | generate PORT PPS BURST BYTES | sink PORT N\n");
  return 2;
}
