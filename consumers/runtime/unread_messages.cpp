#include "consumers/runtime/unread_messages.h"

#include "topics/event.h"

namespace slipway {
namespace {

constexpr std::size_t raw_most = 64 * 1024;

}  // namespace

DeadLetterRow unreadable_letter(const Received& received, std::string_view why, Time now) {
    const std::string& body = received.message.body;
    return {
        .key = unreadable_key(received),
        .kind = "unreadable",
        .reason = clean_text(why),
        .at = now,
        .origin_topic = received.message.topic,
        .origin_partition = received.partition,
        .origin_offset = received.offset,
        .raw = body.substr(0, raw_most),
        .raw_length = static_cast<std::int64_t>(body.size()),
        .raw_sha256 = sha256_hex(body),
    };
}

void UnreadMessages::keep(Store& store, Teller& teller) {
    if (waiting_.empty()) return;
    std::vector<DeadLetterRow> letters;
    for (const Waiting& one : waiting_) letters.push_back(one.letter);
    store.add_dead_letters(letters);
    for (const Waiting& one : waiting_) {
        teller.publish_dead_letter(one.letter);
        one.ticket.finish();
    }
    waiting_.clear();
}

}  // namespace slipway
