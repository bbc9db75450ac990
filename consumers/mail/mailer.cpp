#include "consumers/mail/mailer.h"

#include <fmt/format.h>

#include <algorithm>

#include "consumers/mail/letter_facts.h"
#include "consumers/runtime/log.h"

namespace slipway {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t poll_most = 512;

bool same_letter(const LetterRow& a, const LetterRow& b) {
    return a.service_id == b.service_id && a.run == b.run && a.kind == b.kind;
}

std::string without_secret(std::string text, std::string_view secret) {
    if (secret.empty()) return text;
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 1))
        text.replace(at, secret.size(), "*");
    return text;
}

milliseconds pause_after(int attempts, const MailerSettings& settings) {
    milliseconds pause = settings.retry_first;
    for (int i = 1; i < attempts && pause < settings.retry_longest; ++i) pause *= 2;
    return std::min(pause, settings.retry_longest);
}

}  // namespace

Mailer::Mailer(Parts parts, MailerSettings settings)
    : parts_(parts), settings_(std::move(settings)) {
    polled_at_ = parts_.clock.since_boot().count();
    consumer_ = parts_.bus.subscribe({
        .group = settings_.group,
        .topics = {settings_.topic},
        .on_revoked = [this](const auto& partitions) { offsets_.revoke(partitions); },
    });
}

bool Mailer::run_one(milliseconds longest) {
    pause_or_resume();
    const bool something = ended_ || !waiting_.empty() || !unread_.empty();
    const bool now = something && parts_.clock.since_boot() >= not_before_;
    const auto messages = consumer_->poll(now ? milliseconds(0) : longest, poll_most);
    polled_at_ = parts_.clock.since_boot().count();
    for (const Received& received : messages) read(received);
    const bool worked = work();
    finish_advanced();
    return worked || !messages.empty();
}

void Mailer::run_until_stopped() {
    while (!stopped_) run_one(milliseconds(50));
}

void Mailer::close() {
    finish_advanced();
    consumer_->close();
}

void Mailer::finish_advanced() {
    for (const Position& next : offsets_.advanced()) consumer_->finished_below(next);
}

// Half as much again before it is resumed, so that it does not flap.
void Mailer::pause_or_resume() {
    const auto most = static_cast<std::size_t>(settings_.batch);
    const std::size_t open = waiting_.size() + unread_.size();
    if (!paused_ && open > most) {
        consumer_->pause();
        paused_ = true;
    } else if (paused_ && open <= most / 2) {
        consumer_->resume();
        paused_ = false;
    }
}

void Mailer::read(const Received& received) {
    const Ticket ticket = offsets_.take(received);
    try {
        const LetterEvent event = read_letter_event(received.message);
        wait_for({.service_id = event.service_id, .run = event.run, .kind = event.kind}, ticket);
    } catch (const Unreadable& why) {
        unread_.add(unreadable_letter(received, why.what(), parts_.clock.now()), ticket);
    }
}

// A letter that waits already needs no second place: its row is begun once for both.
void Mailer::wait_for(const LetterRow& key, Ticket ticket) {
    const bool waits = std::any_of(waiting_.begin(), waiting_.end(), [&](const Waiting& waiting) {
        return same_letter(waiting.key, key);
    });
    if (waits)
        ticket.finish();
    else
        waiting_.push_back({key, ticket});
}

// What throws in here is the database: nothing is lost, all of it is done again a little later. An
// attempt that ended is noted before anything else is begun.
bool Mailer::work() {
    if (parts_.clock.since_boot() < not_before_) return false;
    try {
        const bool something = ended_ || !waiting_.empty() || !unread_.empty();
        record();
        unread_.keep(parts_.store, parts_.teller);
        look_for_due();
        begin_next();
        record();
        return something;
    } catch (const std::exception& error) {
        log(Level::Warning,
            "the mailer waits for the database",
            {{"letters", waiting_.size()}, {"error", error.what()}});
        not_before_ = parts_.clock.since_boot() + settings_.retry_after;
        return false;
    }
}

void Mailer::look_for_due() {
    const auto now = parts_.clock.since_boot();
    if (now < next_look_ || waiting_.size() >= static_cast<std::size_t>(settings_.batch)) return;
    for (const LetterRow& row : parts_.store.due_letters(parts_.clock.now(), settings_.batch))
        wait_for(row, {});
    next_look_ = now + settings_.look_every;
}

void Mailer::begin_next() {
    if (waiting_.empty()) return;
    const Time now = parts_.clock.now();
    const auto begun = parts_.store.begin_letter(waiting_.front().key, now, now - settings_.taken);
    const Ticket ticket = waiting_.front().ticket;
    waiting_.pop_front();
    if (!begun) {
        ticket.finish();
        return;
    }
    ended_ = attempt(*begun);
    ended_->ticket = ticket;
}

Mailer::Ended Mailer::attempt(const LetterRow& letter) {
    Written written;
    const auto began = parts_.clock.since_boot();
    try {
        write(letter, written);
        if (!written.why_not.empty()) return unwanted(letter, written.why_not);
        parts_.mail.send(written.letter);
    } catch (const MailError& error) {
        const std::string text = without_secret(error.what(), written.password);
        return error.permanent ? refused(letter, text) : failed(letter, text);
    } catch (const std::exception& error) {
        return failed(letter, without_secret(error.what(), written.password));
    }
    last_error_.clear();
    const auto took = std::chrono::duration_cast<milliseconds>(parts_.clock.since_boot() - began);
    log(Level::Info,
        "a letter was sent",
        {{"service", letter.service_id},
         {"run", letter.run},
         {"kind", letter.kind},
         {"attempt", letter.attempts},
         {"ms", took.count()}});
    return {.letter = letter};
}

// A mail server that is away fails every letter with the same words: they are said once.
Mailer::Ended Mailer::failed(const LetterRow& letter, const std::string& error) {
    const milliseconds pause = pause_after(letter.attempts, settings_);
    log(error == last_error_ ? Level::Debug : Level::Warning,
        "a letter could not be sent, trying again",
        {{"service", letter.service_id},
         {"run", letter.run},
         {"kind", letter.kind},
         {"attempt", letter.attempts},
         {"again_in_s", pause.count() / 1'000},
         {"error", error}});
    last_error_ = error;
    return {.letter = letter, .error = error, .again_at = parts_.clock.now() + pause};
}

Mailer::Ended Mailer::refused(const LetterRow& letter, const std::string& error) {
    log(Level::Warning,
        "a letter was refused for good",
        {{"service", letter.service_id},
         {"run", letter.run},
         {"kind", letter.kind},
         {"error", error}});
    return {.letter = letter,
            .error = error,
            .dead_letter = DeadLetterRow{
                .key = fmt::format("letter/{}/{}/{}", letter.service_id, letter.run, letter.kind),
                .kind = "letter",
                .service_id = letter.service_id,
                .reason = fmt::format("the letter \"{}\" of run {} was refused for good: {}",
                                      letter.kind,
                                      letter.run,
                                      error),
                .at = parts_.clock.now()}};
}

Mailer::Ended Mailer::unwanted(const LetterRow& letter, const std::string& why) {
    log(Level::Info,
        "a letter is not sent",
        {{"service", letter.service_id}, {"run", letter.run}, {"kind", letter.kind}, {"why", why}});
    return {.letter = letter, .error = "not sent: " + why};
}

// The password is opened only if the letter holds it, and stays in here.
void Mailer::write(const LetterRow& letter, Written& written) {
    const auto rows = parts_.store.load({&letter.service_id, 1});
    if (rows.empty()) {
        written.why_not = "there is no such service any more";
        return;
    }
    const Vm& vm = rows.front();
    if (const auto why = why_out_of_date(vm)) {
        written.why_not = *why;
        return;
    }
    const auto inventory = parts_.inventory.newest();
    const DeclaredPackage* package = inventory->package(vm.product);
    if (package == nullptr)
        throw Error(fmt::format("package {} is not in the inventory; apply it", vm.product));
    const auto named = package->letters.find(letter.kind);
    if (named == package->letters.end()) {
        written.why_not = fmt::format("package {} has no letter {}", vm.product, letter.kind);
        return;
    }
    const DeclaredLetter* declared = inventory->letter(named->second);
    if (declared == nullptr)
        throw Error(fmt::format("letter {} is not in the inventory; apply it", named->second));
    const auto address = customer_address(vm);
    if (!address) {
        written.why_not = "the order has no email to send it to";
        return;
    }
    LetterFacts facts = letter_facts(vm, parts_.store.holdings(vm.service_id));
    if (holds_password(*declared) && !vm.password.empty())
        facts.password = parts_.secrets.open(vm.password, password_of(vm.service_id));
    written.password = facts.password;
    LetterText text = write_letter(*declared, facts);
    written.letter = {
        .id = fmt::format(
            "{}/{}/{}/{}", settings_.installation, letter.service_id, letter.run, letter.kind),
        .to = *address,
        .subject = std::move(text.subject),
        .body = std::move(text.body)};
}

// The dead letter first: if this process dies in between, it comes twice under the same key, which
// is better than never.
void Mailer::record() {
    if (!ended_) return;
    if (ended_->dead_letter) parts_.store.add_dead_letters({&*ended_->dead_letter, 1});
    parts_.store.end_letter(ended_->letter, parts_.clock.now(), ended_->error, ended_->again_at);
    if (ended_->dead_letter) parts_.teller.publish_dead_letter(*ended_->dead_letter);
    ended_->ticket.finish();
    ended_.reset();
}

}  // namespace slipway
