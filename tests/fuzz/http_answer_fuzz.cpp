// Any bytes from a connection: read as the same answer however they are cut, and that answer is
// Proxmox's data or an error of one of the seven kinds. The first byte says where to cut.

#include "consumers/http/answer_reader.h"
#include "consumers/http/connection.h"
#include "consumers/proxmox/fault.h"
#include "tests/fuzz/property.h"
#include "topics/event.h"

namespace slipway {
namespace {

struct Read {
    std::string error = {};
    HttpAnswer answer = {};
    bool kept = false;
};

Read read(std::string_view bytes, std::size_t piece) {
    AnswerReader reader("GET");
    try {
        for (std::size_t at = 0; at < bytes.size(); at += piece)
            reader.take(bytes.substr(at, piece));
        reader.closed();
        return {.answer = reader.answer(), .kept = reader.keeps_connection()};
    } catch (const Error& error) {
        return {.error = error.what()};
    }
}

void check_bytes(std::string_view bytes, std::size_t piece) {
    const Read whole = read(bytes, bytes.size() + 1);
    const Read cut = read(bytes, piece);
    must(whole.error == cut.error, "the same is wrong however it is cut", whole.error);
    must(whole.answer.status == cut.answer.status, "the same status", bytes);
    must(whole.answer.reason == cut.answer.reason, "the same reason", bytes);
    must(whole.answer.body == cut.answer.body, "the same body", bytes);
    must(whole.answer.headers.size() == cut.answer.headers.size(), "the same headers", bytes);
    must(whole.kept == cut.kept, "the same use of the connection", bytes);
    if (!whole.error.empty()) return;
    must(whole.answer.status >= 200, "an answer is a final one", bytes);
    try {
        read_answer(whole.answer, "GET /x");
    } catch (const ProxmoxError& error) {
        must(clean_text(error.what()) == error.what(), "an error can be shown", error.what());
        must(!fault_name(error.fault).empty(), "an error is of a kind", error.what());
    }
}

void check_url(std::string_view text) {
    try {
        const HttpTarget target = parse_url(text);
        const std::string again =
            (target.tls ? "https://" : "http://") + target.authority() + target.path;
        must(
            parse_url(again).authority() == target.authority(), "an address reads the same", again);
        must(again.find_first_of("\r\n") == std::string::npos, "an address is one line", again);
    } catch (const Error&) {
        // no address
    }
}

}  // namespace
}  // namespace slipway

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    if (size < 2) return -1;
    const std::string_view text = slipway::as_text(bytes + 1, size - 1);
    slipway::check_bytes(text, std::size_t{1} + bytes[0] % 32);
    slipway::check_url(text);
    return 0;
}
