#include "consumers/http/answer_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace slipway {
namespace {

// Proxmox's largest answers are lists: ten thousand VMs at less than 1 KiB each. Many threads may
// have one in hand at the same time, and what is made of it takes several times as much.
constexpr std::size_t head_most = 64 * 1024;
constexpr std::uint64_t body_most = 32 * 1024 * 1024;

std::string_view trimmed(std::string_view text) {
    const auto begin = std::min(text.find_first_not_of(" \t"), text.size());
    const auto end = text.find_last_not_of(" \t");
    return end == std::string_view::npos ? std::string_view() : text.substr(begin, end + 1 - begin);
}

// Is `word` one of those in "a, b"?
bool lists(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        if (same_name(trimmed(list.substr(0, comma)), word)) return true;
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

std::uint64_t number(std::string_view text, int base, std::string_view what) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
        throw Error(fmt::format("the answer's {} is not a number", what));
    if (value > body_most)
        throw Error(
            fmt::format("the answer's {} is {}, more than {} bytes", what, value, body_most));
    return value;
}

bool is_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return c > 0x20 && c < 0x7f && c != '(' && c != ')' && c != ',' && c != '/' && c != '"';
    });
}

}  // namespace

AnswerReader::AnswerReader(std::string_view method) : without_body_(method == "HEAD") {}

void AnswerReader::take(std::string_view bytes) {
    if (bytes.empty()) return;
    begun_ = true;
    buffer_.append(bytes);
    while (part_ != Part::Done && step()) {
    }
    buffer_.erase(0, read_);
    read_ = 0;
    if (done() && !buffer_.empty())
        throw Error("something follows the answer that nobody asked for");
}

void AnswerReader::closed() {
    if (done()) return;
    if (part_ != Part::Body || !until_closed_)
        throw Error(begun_ ? "the connection was closed in the middle of the answer"
                           : "the connection was closed without an answer");
    part_ = Part::Done;
}

// One line or one piece of a body; false if more bytes are needed first.
bool AnswerReader::step() {
    if (part_ == Part::Body || part_ == Part::Chunk) return take_body();
    std::string line;
    if (!take_line(line)) return false;
    if (part_ == Part::StatusLine) {
        status_line(line);
    } else if (part_ == Part::Headers) {
        line.empty() ? headers_end() : header(line);
    } else if (part_ == Part::ChunkSize) {
        chunk_size(line);
    } else if (part_ == Part::ChunkEnd) {
        if (!line.empty()) throw Error("a chunk of the answer is longer than it says");
        part_ = Part::ChunkSize;
    } else if (line.empty()) {  // trailers: nobody needs them
        part_ = Part::Done;
    }
    return true;
}

bool AnswerReader::take_line(std::string& line) {
    const std::size_t end = buffer_.find('\n', read_);
    const std::size_t size = (end == std::string::npos ? buffer_.size() : end) - read_;
    if (head_bytes_ + size > head_most) throw Error("the head of the answer has no end");
    if (end == std::string::npos) return false;
    line = buffer_.substr(read_, size);
    if (line.ends_with('\r')) line.pop_back();
    read_ = end + 1;
    // Lines between chunks do not count, or a long body would use up what its head may have.
    if (part_ != Part::ChunkSize && part_ != Part::ChunkEnd) head_bytes_ += size + 1;
    return true;
}

// HTTP/1.1 200 OK. The reason matters: older Proxmox says what is wrong nowhere else.
void AnswerReader::status_line(std::string_view line) {
    const bool ours = line.starts_with("HTTP/1.0 ") || line.starts_with("HTTP/1.1 ");
    if (!ours || line.size() < 12 || (line.size() > 12 && line[12] != ' '))
        throw Error("this is not an answer of HTTP/1.1");
    answer_.status = static_cast<int>(number(line.substr(9, 3), 10, "status"));
    if (answer_.status < 100) throw Error("the answer's status is less than 100");
    answer_.reason = line.size() > 13 ? line.substr(13) : std::string_view();
    keeps_connection_ = line[7] == '1';
    part_ = Part::Headers;
}

void AnswerReader::header(std::string_view line) {
    const std::size_t colon = std::min(line.find(':'), line.size());
    if (colon == line.size() || !is_name(line.substr(0, colon)))
        throw Error("a header of the answer is not name: value");
    answer_.headers.push_back({.name = std::string(line.substr(0, colon)),
                               .value = std::string(trimmed(line.substr(colon + 1)))});
}

void AnswerReader::headers_end() {
    if (answer_.status < 200) {  // "100 Continue": the answer itself is still to come
        if (answer_.status == 101) throw Error("the answer changes the protocol, unasked");
        answer_ = {};
        part_ = Part::StatusLine;
        return;
    }
    // Proxmox's relayed answers carry two of them, "close" and then "Keep-Alive": the careful one
    // of the two counts.
    for (const HttpHeader& header : answer_.headers)
        if (same_name(header.name, "connection") && lists(header.value, "close"))
            keeps_connection_ = false;
    length_of_body();
}

void AnswerReader::length_of_body() {
    const std::string* encoding = find_header(answer_.headers, "transfer-encoding");
    const std::string* length = find_header(answer_.headers, "content-length");
    if (without_body_ || answer_.status == 204 || answer_.status == 304) {
        part_ = Part::Done;
    } else if (encoding != nullptr) {
        if (!lists(*encoding, "chunked") || encoding->find(',') != std::string::npos)
            throw Error("the answer's transfer encoding is not chunked");
        part_ = Part::ChunkSize;
    } else if (length != nullptr) {
        for (const HttpHeader& header : answer_.headers)
            if (same_name(header.name, "content-length") && header.value != *length)
                throw Error("the answer has two lengths");
        expected_ = number(*length, 10, "length");
        part_ = expected_ == 0 ? Part::Done : Part::Body;
    } else {
        until_closed_ = true;
        keeps_connection_ = false;
        part_ = Part::Body;
    }
}

void AnswerReader::chunk_size(std::string_view line) {
    const std::size_t end = std::min(line.find(';'), line.size());
    // Extensions: nobody has any. They have no limit but that of the head.
    head_bytes_ += line.size() - end;
    expected_ = number(trimmed(line.substr(0, end)), 16, "chunk size");
    part_ = expected_ == 0 ? Part::Trailers : Part::Chunk;
}

bool AnswerReader::take_body() {
    const std::size_t there = buffer_.size() - read_;
    if (there == 0) return false;
    const std::uint64_t size = until_closed_ ? there : std::min<std::uint64_t>(there, expected_);
    if (answer_.body.size() + size > body_most)
        throw Error(fmt::format("the answer has more than {} bytes", body_most));
    answer_.body.append(buffer_, read_, size);
    read_ += size;
    if (until_closed_) return true;
    expected_ -= size;
    if (expected_ == 0) part_ = part_ == Part::Body ? Part::Done : Part::ChunkEnd;
    return true;
}

}  // namespace slipway
