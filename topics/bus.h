#pragma once
// The Bus seam: publishing to topics and reading them as a member of a consumer group.
//
// Implemented by KafkaBus (librdkafka, for a real Kafka and for the embedded broker alike) and by
// the simulated bus of the stories. A message is only a nudge: nothing above this line may depend
// on one arriving once, in time, or in order.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct Header {
    std::string name;
    std::string value;
};

struct Message {
    std::string topic;  // the full name, prefix included
    std::string key;
    std::string body;
    std::vector<Header> headers;
    // Nobody waits for it: the broker may get it a few milliseconds later, with others.
    bool may_wait = false;
};

// Where a message stands. Offsets begin again when a topic is wiped and made anew.
struct Position {
    std::string topic;
    std::int32_t partition = 0;
    std::int64_t offset = 0;
};

struct Received {
    Message message;
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    std::int64_t timestamp_ms = 0;  // as the broker has it; -1 if it has none
};

// Called once, when the broker has acknowledged; from a thread of the bus, so it must be short and
// must not throw. A message that the broker refuses for good (too large) is never acknowledged.
using Delivered = std::function<void()>;

struct Partition {
    std::string topic;
    std::int32_t number = 0;
    friend auto operator<=>(const Partition&, const Partition&) = default;
};

// Where a group without committed offsets begins. Newest is for those who only look on.
enum class Begin { Earliest, Newest };

struct Subscription {
    std::string group;
    std::vector<std::string> topics;
    Begin begin = Begin::Earliest;
    // The broker may wait so long until more has come together; 0: each message at once. For
    // readers to whom most messages are old news.
    std::chrono::milliseconds gather{0};
    // Both are called inside poll() or close(), on the polling thread. A revoked partition is no
    // longer ours when the call returns; nothing may wait in there.
    std::function<void(const std::vector<Partition>&)> on_assigned = {};
    std::function<void(const std::vector<Partition>&)> on_revoked = {};
};

// One member of one consumer group. All calls come from one thread.
class Consumer {
  public:
    virtual ~Consumer() = default;

    // What has arrived, at most `most` messages; waits up to `longest` for the first.
    virtual std::vector<Received> poll(std::chrono::milliseconds longest, std::size_t most) = 0;

    // Everything below `next.offset` of that partition is finished, so it may be committed.
    // A partition that is not ours any more is passed over.
    virtual void finished_below(const Position& next) = 0;

    // While paused, poll() goes on serving the group and returns no messages (those which were
    // fetched already may still come). Holds for partitions assigned later, too.
    virtual void pause() = 0;
    virtual void resume() = 0;

    // Commits what is finished and leaves the group. Bounded in time.
    virtual void close() = 0;
};

// Sums over all partitions of a topic.
struct GroupProgress {
    std::int64_t committed = 0;
    std::int64_t end = 0;
};

class Bus {
  public:
    virtual ~Bus() = default;

    // Never blocks, never loses: what the broker does not take is kept and sent again until it
    // does, across reconnects and a rebuilt producer. Order holds per key while the broker is well.
    virtual void publish(Message message, Delivered delivered = {}) = 0;

    // False while more than the bounds (50,000 messages or 64 MiB) wait for the broker. Callers
    // stop making more; publish() itself still takes what it is given.
    virtual bool has_room() const = 0;

    // Waits until everything published so far is acknowledged; false if time ran out first.
    virtual bool flush(std::chrono::milliseconds longest) = 0;

    virtual std::unique_ptr<Consumer> subscribe(Subscription subscription) = 0;

    // How far a group has come on a topic; nullopt if the broker does not answer in time.
    virtual std::optional<GroupProgress> progress(std::string_view group,
                                                  std::string_view topic) = 0;
};

}  // namespace slipway
