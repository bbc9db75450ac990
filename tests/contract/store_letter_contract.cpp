// Letters: one per run and kind, sent once as far as anybody can know, by one mailer at a time.

#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "tests/contract/store_contract.h"

namespace slipway {
namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t minute = 60 * second;

LetterRow letter(std::string_view service_id, std::int64_t when = 0) {
    return {.service_id = std::string(service_id), .run = 1, .kind = "ready", .at = at(when)};
}

// A VM whose first step writes a letter.
Vm written(Store& store, const LetterRow& row) {
    Change change = step_to(begun(store, row.service_id), "set_ip");
    change.letter = row;
    return saved(store, change);
}

std::string said(const std::vector<LetterRow>& letters) {
    std::string text;
    for (const LetterRow& l : letters)
        text += fmt::format("{}{} {} {} x{}{}{}",
                            text.empty() ? "" : ", ",
                            l.service_id,
                            l.run,
                            l.kind,
                            l.attempts,
                            l.sent_at ? " sent" : "",
                            l.error.empty() ? "" : " (" + l.error + ")");
    return text;
}

std::string said(const std::optional<LetterRow>& letter) {
    return letter ? said(std::vector{*letter}) : "no";
}

TEST_P(StoreContract, WritesALetterOncePerRunAndKind) {
    Vm vm = written(store(), letter("5546"));
    Change again = step_to(vm, "clone");
    again.letter = letter("5546", 5 * second);
    vm = saved(store(), again);
    Change other = step_to(vm, "set_dns");
    other.letter = letter("5546", 6 * second);
    other.letter->kind = "password";
    saved(store(), other);
    other.letter->kind = "lost";
    EXPECT_FALSE(save_one(store(), other).won);

    const auto letters = store().unpublished_letters(at(minute), 10);

    EXPECT_EQ(said(letters), "5546 1 ready x0, 5546 1 password x0");
    EXPECT_EQ(letters.at(0).at, at(0));
}

TEST_P(StoreContract, ALetterIsUnpublishedUntilItIsMarked) {
    written(store(), letter("a", 1 * second));
    written(store(), letter("b", 2 * second));
    written(store(), letter("c", 3 * second));

    EXPECT_EQ(said(store().unpublished_letters(at(3 * second), 10)), "a 1 ready x0, b 1 ready x0");
    EXPECT_EQ(said(store().unpublished_letters(at(minute), 1)), "a 1 ready x0");
    const std::vector<LetterRow> both = {letter("a"), letter("c")};
    store().mark_letters_published(both, at(minute));
    EXPECT_EQ(said(store().unpublished_letters(at(minute), 10)), "b 1 ready x0");
    store().mark_letters_published({}, at(minute));
}

TEST_P(StoreContract, ALetterWhoseMessageIsLostIsDueAMinuteLater) {
    written(store(), letter("b", 2 * second));
    written(store(), letter("a", 1 * second));

    EXPECT_EQ(said(store().due_letters(at(minute), 10)), "");
    EXPECT_EQ(said(store().due_letters(at(minute + second), 10)), "a 1 ready x0");
    EXPECT_EQ(said(store().due_letters(at(2 * minute), 10)), "a 1 ready x0, b 1 ready x0");
    EXPECT_EQ(said(store().due_letters(at(2 * minute), 1)), "a 1 ready x0");
}

TEST_P(StoreContract, ALetterThatWasSentIsNotSentAgain) {
    written(store(), letter("5546"));

    EXPECT_EQ(said(store().begin_letter(letter("5546"), at(second), at(0))), "5546 1 ready x1");
    store().end_letter(letter("5546"), at(2 * second), "", std::nullopt);

    EXPECT_EQ(said(store().begin_letter(letter("5546"), at(9 * minute), at(8 * minute))), "no");
    EXPECT_EQ(said(store().due_letters(at(9 * minute), 10)), "");
    const auto row = store().unpublished_letters(at(minute), 10).at(0);
    EXPECT_EQ(said(row), "5546 1 ready x1 sent");
    EXPECT_EQ(row.sent_at, at(2 * second));
}

TEST_P(StoreContract, NoTwoMailersHaveOneLetterInHand) {
    written(store(), letter("5546"));
    EXPECT_EQ(said(store().begin_letter(letter("5546"), at(minute), at(0))), "5546 1 ready x1");

    EXPECT_EQ(said(store().begin_letter(letter("5546"), at(2 * minute), at(minute))), "no");
    EXPECT_EQ(said(store().begin_letter(letter("5546"), at(2 * minute), at(minute + 1))),
              "5546 1 ready x2")
        << "the first is long silent";
    EXPECT_EQ(said(store().begin_letter(letter("5547"), at(2 * minute), at(minute))), "no")
        << "there is none";
}

TEST_P(StoreContract, ALetterThatFailedIsDueAgainUntilItIsGivenUp) {
    written(store(), letter("5546"));
    const auto first = store().begin_letter(letter("5546"), at(second), at(0)).value();
    store().end_letter(first, at(2 * second), "451 come back later", at(5 * minute));

    EXPECT_EQ(said(store().due_letters(at(5 * minute - 1), 10)), "");
    EXPECT_EQ(said(store().due_letters(at(5 * minute), 10)),
              "5546 1 ready x1 (451 come back later)");
    // It has ended, so nobody has it in hand, however short ago it began.
    const auto second_try = store().begin_letter(letter("5546"), at(5 * minute), at(0)).value();
    store().end_letter(second_try, at(5 * minute), "550 nobody of that name", std::nullopt);

    EXPECT_EQ(said(store().due_letters(at(99 * minute), 10)), "");
    EXPECT_EQ(said(store().begin_letter(letter("5546"), at(99 * minute), at(98 * minute))), "no");
    EXPECT_EQ(said(store().unpublished_letters(at(minute), 10)),
              "5546 1 ready x2 (550 nobody of that name)");
}

TEST_P(StoreContract, AnAttemptThatEndsLateDoesNotUnsendALetter) {
    written(store(), letter("5546"));
    store().begin_letter(letter("5546"), at(1 * minute), at(0));
    store().begin_letter(letter("5546"), at(3 * minute), at(2 * minute));
    store().end_letter(letter("5546"), at(3 * minute), "", std::nullopt);

    store().end_letter(letter("5546"), at(4 * minute), "timed out", at(5 * minute));

    EXPECT_EQ(said(store().due_letters(at(9 * minute), 10)), "");
    EXPECT_EQ(said(store().unpublished_letters(at(minute), 10)), "5546 1 ready x2 sent");
}

TEST_P(StoreContract, AnAttemptThatFailsLateLeavesTheNewerOneItsLetter) {
    written(store(), letter("5546"));
    const auto first = store().begin_letter(letter("5546"), at(1 * minute), at(0)).value();
    const auto newer = store().begin_letter(letter("5546"), at(3 * minute), at(2 * minute)).value();
    store().end_letter(first, at(4 * minute), "timed out", at(5 * minute));

    EXPECT_EQ(said(store().begin_letter(letter("5546"), at(5 * minute), at(3 * minute))), "no");
    store().end_letter(newer, at(5 * minute), "", std::nullopt);
    EXPECT_EQ(said(store().unpublished_letters(at(minute), 10)), "5546 1 ready x2 sent");
}

TEST_P(StoreContract, OfManyMailersExactlyOneBeginsALetter) {
    constexpr int letters = 20;
    constexpr int mailers = 6;
    for (int i = 0; i < letters; ++i) written(store(), letter(fmt::format("vm{}", i)));
    const std::array stores = {database().open(), database().open()};
    std::array<std::atomic<int>, letters> begun = {};

    std::vector<std::jthread> threads;
    for (std::size_t m = 0; m < mailers; ++m)
        threads.emplace_back([&, m] {
            for (std::size_t i = 0; i < letters; ++i)
                if (stores.at(m % 2)->begin_letter(
                        letter(fmt::format("vm{}", i)), at(minute), at(0)))
                    ++begun.at(i);
        });
    threads.clear();

    for (const auto& count : begun) EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace slipway
