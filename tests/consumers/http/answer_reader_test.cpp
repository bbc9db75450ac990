// The reader of HTTP answers: every way to end a body, however the bytes are cut, and no way to
// make it take what is none.

#include "consumers/http/answer_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace slipway {
namespace {

std::string shown(AnswerReader& reader) {
    const HttpAnswer& answer = reader.answer();
    return fmt::format("{} [{}] {} headers, body [{}]{}",
                       answer.status,
                       answer.reason,
                       answer.headers.size(),
                       answer.body,
                       reader.keeps_connection() ? ", kept" : "");
}

// What is read if `bytes` come in pieces of that size and then the end.
std::string read(std::string_view method, std::string_view bytes, std::size_t piece) {
    AnswerReader reader(method);
    try {
        for (std::size_t at = 0; at < bytes.size(); at += piece)
            reader.take(bytes.substr(at, piece));
        reader.closed();
        return shown(reader);
    } catch (const Error& error) {
        return error.what();
    }
}

struct Row {
    std::string_view name;
    std::string_view bytes;
    std::string_view shown;
    std::string_view method = "GET";
};

// clang-format off
const Row rows[] = {
    {"a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "200 [OK] 1 headers, body [{}], kept"},
    {"no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 [] 1 headers, body [], kept"},
    {"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", "200 [OK] 1 headers, body [{}], kept"},
    {"a long reason", "HTTP/1.1 500 VM is locked (clone)\r\nContent-Length: 0\r\n\r\n",
        "500 [VM is locked (clone)] 1 headers, body [], kept"},
    {"until the end", "HTTP/1.1 200 OK\r\n\r\nall of it", "200 [OK] 0 headers, body [all of it]"},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", "200 [OK] 1 headers, body [{}]"},
    {"closing", "HTTP/1.1 200 OK\r\nconnection: Close\r\nContent-Length: 2\r\n\r\n{}",
        "200 [OK] 2 headers, body [{}]"},
    {"two minds", "HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n",
        "200 [OK] 3 headers, body []"},
    {"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\nT: x\r\n\r\n",
        "200 [OK] 1 headers, body [abc0123456789], kept"},
    {"no content", "HTTP/1.1 204 No Content\r\n\r\n", "204 [No Content] 0 headers, body [], kept"},
    {"to HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 [OK] 1 headers, body [], kept", "HEAD"},
    {"continued", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "200 [OK] 1 headers, body [{}], kept"},
    {"the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "200 [OK] 2 headers, body [{}], kept"},

    {"nothing", "", "the connection was closed without an answer"},
    {"half a head", "HTTP/1.1 200 OK\r\nContent-Le", "the connection was closed in the middle of the answer"},
    {"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        "the connection was closed in the middle of the answer"},
    {"half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        "the connection was closed in the middle of the answer"},
    {"too much", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}x",
        "something follows the answer that nobody asked for"},
    {"another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "this is not an answer of HTTP/1.1"},
    {"TLS", "\x15\x03\x01\n", "this is not an answer of HTTP/1.1"},
    {"a status of letters", "HTTP/1.1 abc OK\r\n\r\n", "the answer's status is not a number"},
    {"a status of four", "HTTP/1.1 2000 OK\r\n\r\n", "this is not an answer of HTTP/1.1"},
    {"a tiny status", "HTTP/1.1 007 OK\r\n\r\n", "the answer's status is less than 100"},
    {"no header", "HTTP/1.1 200 OK\r\nhello\r\n\r\n", "a header of the answer is not name: value"},
    {"a header with a space", "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", "a header of the answer is not name: value"},
    {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "the answer has two lengths"},
    {"a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}", "the answer's length is not a number"},
    {"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", "the answer's length is not a number"},
    {"a huge length", "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n{}",
        "the answer's length is 999999999999, more than 33554432 bytes"},
    {"gzip and chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "the answer's transfer encoding is not chunked"},
    {"a chunk too long", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
        "a chunk of the answer is longer than it says"},
    {"a chunk of no size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "the answer's chunk size is not a number"},
    {"another protocol, unasked", "HTTP/1.1 101 Switching\r\n\r\n", "the answer changes the protocol, unasked"},
};
// clang-format on

TEST(AnswerReader, ReadsTheSameHoweverTheBytesAreCut) {
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        EXPECT_EQ(read(row.method, row.bytes, row.bytes.size() + 1), row.shown);
        EXPECT_EQ(read(row.method, row.bytes, 1), row.shown);
        EXPECT_EQ(read(row.method, row.bytes, 7), row.shown);
    }
}

TEST(AnswerReader, HasALimitForAHeadWithoutEnd) {
    const std::string endless = "HTTP/1.1 200 OK\r\nA: " + std::string(70'000, 'a');
    std::string many = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 10'000; ++i) many += "A: b\r\n" + std::string(10, 'c') + ": d\r\n";

    EXPECT_EQ(read("GET", endless, 1'000), "the head of the answer has no end");
    EXPECT_EQ(read("GET", many, 1'000), "the head of the answer has no end");
}

TEST(AnswerReader, HasALimitForExtensionsOfChunks) {
    std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 100; ++i) bytes += "1;" + std::string(1'000, 'x') + "\r\na\r\n";

    EXPECT_EQ(read("GET", bytes, 1'000), "the head of the answer has no end");
}

TEST(AnswerReader, TakesAListOfTenThousandMachines) {
    const std::string list(10'000 * 1'024, 'x');
    const std::string bytes =
        fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", list.size(), list);

    AnswerReader reader("GET");
    reader.take(bytes);

    EXPECT_TRUE(reader.done());
}

TEST(AnswerReader, TakesABodyOfManyChunks) {
    std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 20'000; ++i) bytes += "4\r\nabcd\r\n";
    bytes += "0\r\n\r\n";

    AnswerReader reader("GET");
    reader.take(bytes);

    EXPECT_TRUE(reader.done());
    EXPECT_EQ(reader.answer().body.size(), 80'000U);
}

}  // namespace
}  // namespace slipway
