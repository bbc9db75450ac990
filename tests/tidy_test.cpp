// Our own bans, read off the tree as it stands: what no compiler and no linter knows.
//
// Every ban says what to use instead. The first test plants one of each and sees it found, so that
// a ban that has gone blind is noticed.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Places = std::vector<std::string_view>;  // beginnings of paths

// Something that may stand in few places only, or in none.
struct Ban {
    std::string_view what;
    Places unless_in;
    std::string_view instead;
    Places only_in = {};  // everywhere if empty
};

// A pattern searched for in the text of comments and of prose.
struct BadWord {
    std::string pattern;
    std::string_view instead;
};

// The bans stand in this file in plain sight, so it is the one file they do not look at.
constexpr std::string_view this_file = "tests/tidy_test.cpp";

const std::vector<Ban> bans = {
    {"catch (...)", {}, "catch Error or std::exception; what cannot happen ends the process"},
    {"sleep_for",
     {"tests/bench/",
      "tests/live/",
      "ops/slipway/rehearsal.cpp",
      "schema/connection.cpp",
      "topics/embedded_broker_child.cpp"},
     "wait on a condition with a deadline"},
    {"sleep_until", {}, "wait on a condition with a deadline"},
    {"usleep(", {}, "wait on a condition with a deadline"},
    {"TODO", {}, "do it now, or write an issue"},
    {"FIXME", {}, "mend it now, or write an issue"},
    {"std::endl", {}, "'\\n'; what must be flushed is flushed by name"},
    {"system_clock::now",
     {"consumers/runtime/clock.cpp", "schema/migrate.cpp"},
     "Clock::now(), so that stories control the time",
     {"consumers/", "producer/", "schema/"}},
    {"steady_clock::now",
     {},
     "Clock::since_boot(), so that stories control the time",
     {"consumers/", "producer/", "schema/"}},
    {"clock_gettime",
     {"consumers/runtime/clock.cpp"},
     "Clock::since_boot(), so that stories control the time",
     {"consumers/", "producer/", "schema/"}},
    {"#define ", {}, "a constant, a function or a template"},
    {"<cassert>", {}, "check() of consumers/runtime/check.h, which is always on"},
    {"MOCK_METHOD", {}, "a fake that behaves like the real thing"},
    {"DISABLED_", {}, "mend the test or remove it"},

    {"<librdkafka/",
     {"topics/kafka_",
      "topics/embedded_broker",
      "tests/topics/kafka_",
      "tests/bench/",
      "tests/live/"},
     "the Bus seam of topics/bus.h"},
    {"<soci/", {"schema/"}, "the Store seam of schema/store.h"},
    {"<Poco/",
     {"consumers/http/", "ops/sandbox/listener.cpp", "producer/gateway", "tests/"},
     "the Http seam"},
    {"<yaml-cpp/",
     {"consumers/inventory/inventory_file.cpp",
      "consumers/runtime/config.cpp",
      "ops/sandbox/state_file.cpp",
      "topics/catalogue"},
     "Config, or the catalogue of topics"},
    {"<CLI/",
     {"ops/slipway/", "tests/bench/"},
     "a plain function; arguments are read in ops/slipway"},

    {"#include \"consumers/", {}, "topics and schema know nothing of ours", {"topics/", "schema/"}},
    {"#include \"producer/",
     {},
     "producer decides and consumers do: talk through topics and rows",
     {"topics/", "schema/", "consumers/"}},
    {"#include \"ops/",
     {},
     "nobody knows ops, but tests",
     {"topics/", "schema/", "consumers/", "producer/"}},
    {"#include \"topics/", {}, "schema knows rows, not messages", {"schema/"}},
    {"#include \"schema/", {}, "topics know messages, not rows", {"topics/"}},
};

const std::vector<BadWord> bad_words = {
    {R"(\b[Ss]imply\b)", "leave the word out"},
    {R"(\b[Jj]ust\b)", "leave the word out"},
    {R"(\b[Bb]asically\b)", "leave the word out"},
    {R"([a-z]!( |$))", "a full stop"},
    {R"(\bXXX\b)", "say what is odd in a sentence"},
};

constexpr std::size_t most_columns = 100;
constexpr std::size_t most_columns_of_tables = 150;
constexpr std::size_t most_lines = 450;

bool begins_with_one_of(std::string_view path, const Places& places) {
    return std::any_of(places.begin(), places.end(), [&](std::string_view place) {
        return path.starts_with(place);
    });
}

bool is_cpp(std::string_view path) {
    return path.ends_with(".cpp") || path.ends_with(".h");
}

std::size_t columns(std::string_view line) {
    return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
}

std::vector<std::string> lines_of(const std::string& content) {
    std::vector<std::string> lines;
    std::size_t begin = 0;
    while (begin < content.size()) {
        const std::size_t end = std::min(content.find('\n', begin), content.size());
        lines.push_back(content.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}

// The comment at the end of a line; a `//` inside a text, as of an address, is none.
std::string_view comment_of(std::string_view line) {
    bool in_text = false;
    for (std::size_t i = 0; i + 1 < line.size(); ++i) {
        if (line[i] == '\\') {
            ++i;
        } else if (line[i] == '"') {
            in_text = !in_text;
        } else if (!in_text && line[i] == '/' && line[i + 1] == '/') {
            return line.substr(i);
        }
    }
    return {};
}

class Findings {
  public:
    explicit Findings(std::string path) : path_(std::move(path)) {}

    void add(std::size_t line, std::string_view what, std::string_view instead) {
        all_.push_back(path_ + ":" + std::to_string(line) + ": " + std::string(what) + " -> " +
                       std::string(instead));
    }
    std::vector<std::string> all() const { return all_; }

  private:
    std::string path_;
    std::vector<std::string> all_;
};

void find_long_lines(const std::vector<std::string>& lines, Findings& findings) {
    bool in_table = false;
    bool in_transcript = false;  // a raw text: what is expected, as wide as it is
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (lines[i].find("R\"(") != std::string::npos) in_transcript = true;
        const bool exempt = in_transcript;
        if (lines[i].find(")\"") != std::string::npos) in_transcript = false;
        if (exempt) continue;
        if (lines[i].find("// clang-format off") != std::string::npos) in_table = true;
        if (lines[i].find("// clang-format on") != std::string::npos) in_table = false;
        if (columns(lines[i]) > (in_table ? most_columns_of_tables : most_columns))
            findings.add(i + 1, "a line too long", "100 columns, 150 in a table");
    }
    if (lines.size() > most_lines)
        findings.add(lines.size(), "a file too long", "450 lines; split it by what it is about");
}

void find_banned(const std::string& path, const std::string& line, std::size_t at, Findings& out) {
    for (const Ban& ban : bans) {
        if (!ban.only_in.empty() && !begins_with_one_of(path, ban.only_in)) continue;
        if (begins_with_one_of(path, ban.unless_in)) continue;
        if (line.find(ban.what) != std::string::npos) out.add(at, ban.what, ban.instead);
    }
    if (line.find("GTEST_SKIP") != std::string::npos &&
        line.find("cannot_run") == std::string::npos)
        out.add(at, "GTEST_SKIP", "if (auto why = cannot_run(…)) GTEST_SKIP() << *why;");
    const std::size_t opened = line.find("using namespace ");
    const bool welcome = line.find("literals;", opened) != std::string::npos ||
                         line.find("std::chrono;", opened) != std::string::npos;
    if (opened != std::string::npos && !welcome)
        out.add(at, "using namespace", "name what you use; literals and std::chrono are welcome");
}

void find_bad_words(std::string_view prose, std::size_t at, Findings& out) {
    if (prose.empty()) return;
    for (const BadWord& word : bad_words) {
        const std::regex pattern(word.pattern);
        if (std::regex_search(prose.begin(), prose.end(), pattern))
            out.add(at, "banned word in a comment: " + word.pattern, word.instead);
    }
}

// A header opens with what it is for, right below its guard.
void find_silent_header(const std::vector<std::string>& lines, Findings& out) {
    if (lines.empty() || lines[0] != "#pragma once")
        out.add(1, "a header without #pragma once in its first line", "put it there");
    else if (lines.size() < 2 || !lines[1].starts_with("//"))
        out.add(2, "a header that does not say what it is for", "a comment below #pragma once");
}

// Includes start at the root: the path tells the reader where he is.
void find_odd_includes(const std::string& line, std::size_t at, Findings& out) {
    constexpr std::string_view begin = "#include \"";
    if (!line.starts_with(begin)) return;
    const std::string path = line.substr(begin.size(), line.find('"', begin.size()) - begin.size());
    if (path.find('/') == std::string::npos)
        out.add(at, line, "the path from the root of the tree");
}

std::vector<std::string> findings_in(const std::string& path, const std::string& content) {
    Findings findings(path);
    const std::vector<std::string> lines = lines_of(content);
    if (path == this_file || !is_cpp(path)) return {};
    find_long_lines(lines, findings);
    if (path.ends_with(".h")) find_silent_header(lines, findings);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        find_banned(path, lines[i], i + 1, findings);
        find_odd_includes(lines[i], i + 1, findings);
        find_bad_words(comment_of(lines[i]), i + 1, findings);
    }
    return findings.all();
}

// Everything that is or would be in the repository.
std::vector<std::string> files_of_the_tree() {
    const std::unique_ptr<FILE, int (*)(FILE*)> git(
        popen("git ls-files --cached --others --exclude-standard", "r"), pclose);
    std::string listed;
    std::array<char, 4096> buffer;
    while (const std::size_t got = fread(buffer.data(), 1, buffer.size(), git.get()))
        listed.append(buffer.data(), got);
    std::vector<std::string> files;
    for (const std::string& path : lines_of(listed))
        if (std::filesystem::is_regular_file(path)) files.push_back(path);
    return files;
}

std::string read(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

// Named in a CMakeLists.txt, by its path from there.
bool is_named(const std::string& listed, const std::string& name) {
    for (std::size_t at = listed.find(name); at != std::string::npos;
         at = listed.find(name, at + 1)) {
        const std::string_view before(" \n(");
        const std::string_view after(" \n)");
        const std::size_t end = at + name.size();
        const bool begins = at == 0 || before.find(listed[at - 1]) != std::string_view::npos;
        const bool ends = end == listed.size() || after.find(listed[end]) != std::string_view::npos;
        if (begins && ends) return true;
    }
    return false;
}

bool is_compiled(const std::string& path, const std::vector<std::string>& files) {
    return std::any_of(files.begin(), files.end(), [&](const std::string& list) {
        if (std::filesystem::path(list).filename() != "CMakeLists.txt") return false;
        const auto folder = std::filesystem::path("/" + list).parent_path();
        return is_named(read(list), std::filesystem::path("/" + path).lexically_relative(folder));
    });
}

struct Planted {
    std::string path;
    std::string content;
    std::string found;
};

TEST(Tidy, FindsWhatIsPlanted) {
    const std::string header = "#pragma once\n// What it is for.\n";
    const std::vector<Planted> planted = {
        {"ops/a.cpp", "try {} catch (...) {}", "ops/a.cpp:1: catch (...) -> "},
        {"tests/a.cpp", "sleep_for(1s);", "tests/a.cpp:1: sleep_for -> "},
        {"ops/a.cpp", "\nint a;  // FIXME\n", "ops/a.cpp:2: FIXME -> "},
        {"ops/a.cpp", "out << std::endl;", "ops/a.cpp:1: std::endl -> "},
        {"ops/a.cpp", "using namespace std;", "ops/a.cpp:1: using namespace -> "},
        {"producer/a.cpp", "std::chrono::steady_clock::now()", "producer/a.cpp:1: steady_clock"},
        {"ops/a.cpp", "int a;  // simply one", "ops/a.cpp:1: banned word in a comment: "},
        {"ops/a.cpp", "int a;  // Done!", "ops/a.cpp:1: banned word in a comment: "},
        {"ops/a.cpp", std::string(101, 'a'), "ops/a.cpp:1: a line too long -> "},
        {"ops/a.cpp",
         "// clang-format off\n" + std::string(151, 'a'),
         "ops/a.cpp:2: a line too long -> "},
        {"ops/a.cpp", std::string(451, '\n'), "ops/a.cpp:451: a file too long -> "},
        {"tests/a.cpp", "GTEST_SKIP();", "tests/a.cpp:1: GTEST_SKIP -> "},
        {"ops/a.h", "int a;\n", "ops/a.h:1: a header without #pragma once"},
        {"ops/a.h", "#pragma once\nint a;\n", "ops/a.h:2: a header that does not say"},
        {"ops/a.cpp", "#include \"b.h\"", "ops/a.cpp:1: #include \"b.h\" -> "},
        {"ops/a.cpp", "#include <soci/soci.h>", "ops/a.cpp:1: <soci/ -> "},
        {"consumers/a.h", header + "#include <CLI/CLI.hpp>", "consumers/a.h:3: <CLI/ -> "},
        {"topics/a.cpp", "#include \"schema/vm.h\"", "topics/a.cpp:1: #include \"schema/ -> "},
        {"schema/a.cpp", "#include \"consumers/b.h\"", "schema/a.cpp:1: #include \"consumers/"},
        {"consumers/a.cpp", "#include \"producer/b.h\"", "consumers/a.cpp:1: #include \"producer/"},
        {"producer/a.cpp", "#include \"ops/b.h\"", "producer/a.cpp:1: #include \"ops/"},
    };

    for (const Planted& plant : planted) {
        const std::vector<std::string> found = findings_in(plant.path, plant.content);

        ASSERT_EQ(found.size(), 1U) << plant.path << ": " << plant.content;
        EXPECT_TRUE(found[0].starts_with(plant.found)) << found[0];
    }
}

TEST(Tidy, LetsPassWhatIsAllowed) {
    const std::vector<Planted> allowed = {
        {"schema/sql_store.cpp", "#include <soci/soci.h>", ""},
        {"topics/kafka_bus.cpp", "#include <librdkafka/rdkafka.h>", ""},
        {"consumers/runtime/clock.cpp", "std::chrono::system_clock::now()", ""},
        {"tests/a.cpp", "using namespace std::chrono_literals;", ""},
        {"tests/a.cpp", "if (auto why = cannot_run(x)) GTEST_SKIP() << *why;", ""},
        {"tests/a.cpp", "EXPECT_EQ(text, R\"(\n" + std::string(200, 'a') + "\n)\");", ""},
        {"ops/a.cpp", "say(\"http://just/simply\");", ""},
        {"ops/a.cpp", "// clang-format off\n" + std::string(150, 'a'), ""},
        {"ops/a.h", "#pragma once\n// What it is for.\n", ""},
    };

    for (const Planted& plant : allowed)
        EXPECT_EQ(findings_in(plant.path, plant.content), std::vector<std::string>()) << plant.path;
}

TEST(Tidy, TheTreeKeepsOurBans) {
    const std::vector<std::string> files = files_of_the_tree();

    ASSERT_GT(files.size(), 50U) << "git ls-files found hardly anything; is this the root?";
    for (const std::string& path : files)
        for (const std::string& finding : findings_in(path, read(path))) ADD_FAILURE() << finding;
}

TEST(Tidy, NoSourceFileIsForgotten) {
    const std::vector<std::string> files = files_of_the_tree();
    for (const std::string& path : files) {
        if (!path.ends_with(".cpp")) continue;
        EXPECT_TRUE(is_compiled(path, files)) << path << " is in no CMakeLists.txt";
    }
}

// The types that a header defines at its top level, where two of one name are one for the linker:
// it takes either's destructor for both, and says nothing.
std::vector<std::string> types_in(const std::string& content) {
    static const std::regex type(R"(^(?:class|struct|enum class) (\w+)[^;]*\{)");
    std::vector<std::string> types;
    std::smatch match;
    for (const std::string& line : lines_of(content))
        if (std::regex_search(line, match, type)) types.push_back(match[1]);
    return types;
}

TEST(Tidy, NoTwoTypesShareAName) {
    std::map<std::string, std::string> known;
    for (const std::string& path : files_of_the_tree()) {
        // The sandbox has a namespace of its own.
        if (!path.ends_with(".h") || path.starts_with("ops/sandbox/")) continue;
        for (const std::string& type : types_in(read(path))) {
            const auto [before, is_new] = known.emplace(type, path);
            EXPECT_TRUE(is_new) << type << " is in " << path << " and in " << before->second;
        }
    }
    EXPECT_GT(known.size(), 100U);
    EXPECT_EQ(types_in("class Box final : public Thing {\nstruct Later;\n    struct Inner {\n"),
              std::vector<std::string>{"Box"});
}

TEST(Tidy, TheTopLevelIsFixed) {
    const std::vector<std::string> folders = {
        ".ci", "consumers", "ops", "producer", "schema", "tests", "topics"};

    for (const std::string& path : files_of_the_tree()) {
        const std::size_t slash = path.find('/');
        if (slash == std::string::npos) continue;
        EXPECT_NE(std::find(folders.begin(), folders.end(), path.substr(0, slash)), folders.end())
            << path << " -> one of the folders of the README";
    }
}

}  // namespace
