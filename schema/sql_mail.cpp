// Letters to customers: written with the step that is done, sent by the mailers.

#include <stdexcept>

#include "schema/sql_store_parts.h"

namespace slipway {

std::vector<LetterRow> SqlStore::unpublished_letters(Time, int) {
    throw std::logic_error("not yet");
}

void SqlStore::mark_letters_published(std::span<const LetterRow>, Time) {
    throw std::logic_error("not yet");
}

std::optional<LetterRow> SqlStore::begin_letter(const LetterRow&, Time, Time) {
    throw std::logic_error("not yet");
}

void SqlStore::end_letter(const LetterRow&, Time, std::string_view, std::optional<Time>) {
    throw std::logic_error("not yet");
}

std::vector<LetterRow> SqlStore::due_letters(Time, int) {
    throw std::logic_error("not yet");
}

}  // namespace slipway
