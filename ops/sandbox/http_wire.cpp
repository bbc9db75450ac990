#include "ops/sandbox/http_wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace slipway::sandbox {
namespace {

constexpr std::size_t largest_head = 64 * 1024;
constexpr std::size_t largest_kept_body = 2 * 1024 * 1024;  // what is beyond is not waited for

std::string trimmed(const std::string& text) {
    const std::size_t begin = text.find_first_not_of(" \t\r");
    if (begin == std::string::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

Request parsed_head(const std::string& head) {
    std::istringstream lines(head);
    std::string line;
    std::getline(lines, line);
    Request request;
    std::istringstream first(line);
    first >> request.method >> request.target >> request.version;
    while (std::getline(lines, line)) {
        const std::size_t colon = line.find(':');
        if (colon != std::string::npos)
            request.headers.emplace_back(trimmed(line.substr(0, colon)),
                                         trimmed(line.substr(colon + 1)));
    }
    return request;
}

// A reason phrase ends with its line.
std::string one_line(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return c < ' '; }, ' ');
    return text;
}

}  // namespace

bool RequestReader::read_more() {
    const std::string more = receive_();
    buffer_ += more;
    return !more.empty();
}

std::optional<Request> RequestReader::next() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
        if (buffer_.size() > largest_head || !read_more()) return std::nullopt;
    Request request = parsed_head(buffer_.substr(0, end));
    buffer_.erase(0, end + 4);
    const std::string length = header(request.headers, "Content-Length");
    const std::size_t wanted = std::min<std::size_t>(
        static_cast<std::size_t>(std::max(0LL, std::atoll(length.c_str()))), largest_kept_body);
    while (buffer_.size() < wanted)
        if (!read_more()) return std::nullopt;
    request.body = buffer_.substr(0, wanted);
    buffer_.erase(0, wanted);
    return request;
}

std::string wire_text(const Answer& answer, bool keeps_open) {
    std::string text = fmt::format("HTTP/1.1 {} {}\r\n", answer.status, one_line(answer.reason));
    for (const auto& [name, value] : answer.headers) text += fmt::format("{}: {}\r\n", name, value);
    if (!answer.content_type.empty()) text += "Content-Type: " + answer.content_type + "\r\n";
    text += fmt::format("Content-Length: {}\r\n", answer.body.size());
    text += keeps_open ? "Connection: Keep-Alive\r\n\r\n" : "Connection: close\r\n\r\n";
    return text + answer.body;
}

}  // namespace slipway::sandbox
