#include "tests/live/dns_question.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>

namespace slipway {
namespace {

const std::map<std::string, int> types = {{"A", 1}, {"SOA", 6}, {"PTR", 12}, {"AAAA", 28}};
constexpr int class_internet = 1;
constexpr std::size_t header_size = 12;
constexpr int no_such_name = 3;
constexpr int tries = 5;

std::string two_bytes(int value) {
    return {static_cast<char>(value >> 8), static_cast<char>(value & 0xFF)};
}

// Id, no recursion wanted, one question.
std::string question_of(const std::string& name, int type) {
    std::string packet = two_bytes(0x5546) + two_bytes(0) + two_bytes(1) + two_bytes(0) +
                         two_bytes(0) + two_bytes(0);
    std::size_t begin = 0;
    while (begin < name.size()) {
        const std::size_t end = std::min(name.find('.', begin), name.size());
        packet += static_cast<char>(end - begin);
        packet += name.substr(begin, end - begin);
        begin = end + 1;
    }
    packet += '\0';
    return packet + two_bytes(type) + two_bytes(class_internet);
}

// What was answered, read from front to back. Reading beyond its end throws.
class Answer {
  public:
    explicit Answer(std::string packet) : packet_(std::move(packet)) {}

    int byte(std::size_t at) const { return static_cast<unsigned char>(packet_.at(at)); }
    int number(std::size_t at) const { return byte(at) << 8 | byte(at + 1); }

    // A name may end with a pointer to where its end stood before.
    std::string name(std::size_t& at) const {
        std::string text;
        std::size_t here = at;
        bool jumped = false;
        for (int labels = 0; byte(here) != 0; ++labels) {
            if (labels > 128) throw std::runtime_error("a name in the answer has no end");
            if (byte(here) >= 0xC0) {
                if (!jumped) at = here + 2;
                jumped = true;
                here = static_cast<std::size_t>(number(here) & 0x3FFF);
                continue;
            }
            const auto length = static_cast<std::size_t>(byte(here));
            if (!text.empty()) text += '.';
            text += packet_.substr(here + 1, length);
            here += length + 1;
        }
        if (!jumped) at = here + 1;
        return text;
    }

    std::string address(int family, std::size_t at) const {
        std::array<char, INET6_ADDRSTRLEN> text{};
        number(at + (family == AF_INET ? 2 : 14));  // it is all there
        inet_ntop(family, packet_.data() + at, text.data(), text.size());
        return text.data();
    }

  private:
    std::string packet_;
};

std::vector<std::string> records_in(const Answer& answer, int wanted, const std::string& type) {
    const int code = answer.byte(3) & 0xF;
    if (code != 0 && code != no_such_name)
        throw std::runtime_error("the DNS server refuses: code " + std::to_string(code));
    std::vector<std::string> records;
    std::size_t at = header_size;
    answer.name(at);  // the question, given back
    at += 4;
    for (int left = answer.number(6); left > 0; --left) {
        const std::string name = answer.name(at);
        const int found = answer.number(at);
        const int ttl = answer.number(at + 4) << 16 | answer.number(at + 6);
        const auto length = static_cast<std::size_t>(answer.number(at + 8));
        at += 10;
        std::size_t value_at = at;
        at += length;
        if (found != wanted) continue;
        const std::string value = type == "A"      ? answer.address(AF_INET, value_at)
                                  : type == "AAAA" ? answer.address(AF_INET6, value_at)
                                                   : answer.name(value_at);
        std::string& record = records.emplace_back(name);
        for (const std::string& more : {std::to_string(ttl), type, value})
            record.append(" ").append(more);
    }
    std::sort(records.begin(), records.end());
    return records;
}

}  // namespace

std::vector<std::string> ask_dns(std::uint16_t port,
                                 const std::string& name,
                                 const std::string& type) {
    const std::string question = question_of(name, types.at(type));
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const timeval longest{.tv_sec = 2, .tv_usec = 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(port);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::array<char, 4096> buffer;
    ssize_t got = -1;
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0)
        for (int i = 0; i < tries && got < 0; ++i)
            if (::send(socket, question.data(), question.size(), 0) > 0)
                got = ::recv(socket, buffer.data(), buffer.size(), 0);
    ::close(socket);
    if (got < static_cast<ssize_t>(header_size))
        throw std::runtime_error("no answer over DNS for " + name);
    const Answer answer(std::string(buffer.data(), static_cast<std::size_t>(got)));
    return records_in(answer, types.at(type), type);
}

}  // namespace slipway
