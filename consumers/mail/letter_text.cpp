#include "consumers/mail/letter_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "consumers/runtime/config_keys.h"
#include "consumers/runtime/error.h"

namespace slipway {
namespace {

struct Placeholder {
    std::string_view name;
    std::string LetterFacts::*fact;
};

constexpr std::array placeholders = {
    Placeholder{"service_id", &LetterFacts::service_id},
    Placeholder{"client_id", &LetterFacts::client_id},
    Placeholder{"domain", &LetterFacts::domain},
    Placeholder{"name", &LetterFacts::name},
    Placeholder{"vmid", &LetterFacts::vmid},
    Placeholder{"username", &LetterFacts::username},
    Placeholder{"password", &LetterFacts::password},
    Placeholder{"ip", &LetterFacts::ip},
    Placeholder{"ipv6", &LetterFacts::ipv6},
    Placeholder{"ips", &LetterFacts::ips},
    Placeholder{"package", &LetterFacts::package},
    Placeholder{"cluster", &LetterFacts::cluster},
    Placeholder{"node", &LetterFacts::node},
};

constexpr std::array names = [] {
    std::array<std::string_view, placeholders.size()> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all.at(i) = placeholders.at(i).name;
    return all;
}();

const Placeholder* find_placeholder(std::string_view name) {
    for (const Placeholder& placeholder : placeholders)
        if (placeholder.name == name) return &placeholder;
    return nullptr;
}

// A piece of a template: text as it stands, or what stands between two braces.
struct Piece {
    enum class Kind { Text, Name, OpenBrace };
    Kind kind = Kind::Text;
    std::string_view text;  // of OpenBrace: nothing, it closes nowhere near
    std::size_t line = 1;
};

bool is_name_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::vector<Piece> pieces_of(std::string_view text) {
    using enum Piece::Kind;
    std::vector<Piece> pieces;
    std::size_t line = 1;
    while (!text.empty()) {
        Piece piece{.line = line};
        std::size_t used = 0;
        if (text.starts_with("{{")) {
            piece.text = text.substr(0, 1);
            used = 2;
        } else if (text.starts_with('{')) {
            std::size_t end = 1;
            while (end < text.size() && is_name_letter(text[end])) ++end;
            const bool closed = end > 1 && end < text.size() && text[end] == '}';
            piece.kind = closed ? Name : OpenBrace;
            piece.text = closed ? text.substr(1, end - 1) : std::string_view();
            used = closed ? end + 1 : 1;
        } else {
            used = std::min(text.find('{'), text.size());
            piece.text = text.substr(0, used);
            line +=
                static_cast<std::size_t>(std::count(piece.text.begin(), piece.text.end(), '\n'));
        }
        pieces.push_back(piece);
        text.remove_prefix(used);
    }
    return pieces;
}

void find_problems(std::string_view called,
                   std::string_view text,
                   std::vector<std::string>& problems) {
    for (const Piece& piece : pieces_of(text)) {
        const std::string where = fmt::format("{}, line {}", called, piece.line);
        if (piece.kind == Piece::Kind::OpenBrace)
            problems.push_back(where + ": a { that begins no placeholder; {{ is the brace itself");
        if (piece.kind != Piece::Kind::Name || find_placeholder(piece.text)) continue;
        const auto near = nearest(piece.text, names);
        problems.push_back(
            fmt::format("{}: {{{}}} is no placeholder; {}",
                        where,
                        piece.text,
                        near ? fmt::format("did you mean {{{}}}?", *near)
                             : fmt::format("there are {{{}}}", fmt::join(names, "}, {"))));
    }
}

bool names_password(std::string_view text) {
    const std::vector<Piece> pieces = pieces_of(text);
    return std::any_of(pieces.begin(), pieces.end(), [](const Piece& piece) {
        return piece.kind == Piece::Kind::Name && piece.text == "password";
    });
}

std::string filled(std::string_view text, const LetterFacts& facts) {
    std::string out;
    for (const Piece& piece : pieces_of(text)) {
        if (piece.kind == Piece::Kind::Name)
            out += facts.*find_placeholder(piece.text)->fact;
        else
            out += piece.text;
    }
    return out;
}

}  // namespace

std::span<const std::string_view> letter_placeholders() {
    return names;
}

std::vector<std::string> letter_problems(const DeclaredLetter& letter) {
    std::vector<std::string> problems;
    if (letter.subject.empty()) problems.emplace_back("subject: is empty");
    if (letter.subject.find_first_of("\r\n") != std::string::npos)
        problems.emplace_back("subject: has more than one line");
    if (names_password(letter.subject))
        problems.emplace_back(
            "subject: {password} does not belong there, since mail servers log subjects");
    find_problems("subject", letter.subject, problems);
    if (letter.body.empty()) problems.emplace_back("body: is empty");
    find_problems("body", letter.body, problems);
    return problems;
}

bool holds_password(const DeclaredLetter& letter) {
    return names_password(letter.body);
}

LetterText write_letter(const DeclaredLetter& letter, const LetterFacts& facts) {
    const std::vector<std::string> problems = letter_problems(letter);
    if (!problems.empty())
        throw Error(fmt::format("letter {}: {}", letter.name, fmt::join(problems, "; ")));
    return {.subject = filled(letter.subject, facts), .body = filled(letter.body, facts)};
}

}  // namespace slipway
