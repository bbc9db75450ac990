// Secrets in rows: what is sealed is opened again by the same key at the same place, and nowhere.

#include "schema/secret_box.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "schema/base64.h"
#include "tests/live/temp_folder.h"

namespace slipway {
namespace {

const SecretBox box(std::string(32, 'k'));

template <typename Action>
std::string error_of(Action action) {
    try {
        action();
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "none";
}

TEST(SecretBox, OpensWhatItSealed) {
    using namespace std::string_literals;
    for (const std::string& secret : {""s, "hunter2"s, "\0\xff\n"s, std::string(100'000, 'x')}) {
        const std::string sealed = box.seal(secret, "vm/5546/password");

        EXPECT_EQ(box.open(sealed, "vm/5546/password"), secret);
        EXPECT_TRUE(sealed.starts_with("v1:"));
        EXPECT_EQ(sealed.find("hunter2"), std::string::npos);
    }
}

TEST(SecretBox, SealsTheSameSecretDifferentlyEachTime) {
    EXPECT_NE(box.seal("hunter2", "a"), box.seal("hunter2", "a"));
}

TEST(SecretBox, RefusesAnotherKey) {
    const SecretBox other(std::string(32, 'o'));
    const std::string sealed = box.seal("hunter2", "vm/5546/password");

    EXPECT_EQ(error_of([&] { other.open(sealed, "vm/5546/password"); }),
              "the secret vm/5546/password cannot be opened: it was sealed with another key, for "
              "another row, or is damaged");
}

TEST(SecretBox, RefusesASecretThatWasMovedToAnotherRow) {
    const std::string sealed = box.seal("hunter2", "vm/5546/password");

    EXPECT_EQ(error_of([&] { box.open(sealed, "vm/5547/password"); }),
              "the secret vm/5547/password cannot be opened: it was sealed with another key, for "
              "another row, or is damaged");
}

TEST(SecretBox, RefusesWhateverIsDamaged) {
    const std::string sealed = box.seal("hunter2", "a");

    for (std::size_t length = 0; length < sealed.size(); ++length)
        EXPECT_NE(error_of([&] { box.open(sealed.substr(0, length), "a"); }), "none") << length;
    for (std::size_t at = 0; at < sealed.size(); ++at) {
        std::string changed = sealed;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        EXPECT_NE(error_of([&] { box.open(changed, "a"); }), "none") << at;
    }
}

TEST(SecretBox, WithoutAKeyKeepsNothing) {
    const std::string sealed = box.seal("hunter2", "a");
    const std::string why =
        "there is no key for secrets: set secrets.key_file (openssl rand -hex 32 makes a key)";

    EXPECT_FALSE(SecretBox().has_key());
    EXPECT_EQ(error_of([] { SecretBox().seal("hunter2", "a"); }), why);
    EXPECT_EQ(error_of([&] { SecretBox().open(sealed, "a"); }), why);
}

TEST(SecretBox, ReadsItsKeyInBothForms) {
    const TempFolder folder;
    const std::string path = (folder.path() / "key").string();
    const std::string key = "0123456789abcdefghijklmnopqrstuv";
    const std::string sealed = SecretBox(key).seal("hunter2", "a");

    std::ofstream(path) << base64(key) << '\n';
    EXPECT_EQ(SecretBox::from_file(path).open(sealed, "a"), "hunter2");
    std::ofstream(path) << "303132333435363738396162636465666768696A6b6c6d6e6f70717273747576\n";
    EXPECT_EQ(SecretBox::from_file(path).open(sealed, "a"), "hunter2");
}

TEST(SecretBox, SaysWhichFileHoldsNoKey) {
    const TempFolder folder;
    const std::string path = (folder.path() / "key").string();
    const auto read = [&] { SecretBox::from_file(path); };

    EXPECT_EQ(
        error_of(read),
        "cannot read a key for secrets from " + path + ": there is no such file, or it is empty");
    for (const std::string text :
         {"hunter2",
          "0123 4567",
          "303132333435363738396162636465666768696A6b6c6d6e6f7071727374757"}) {
        std::ofstream(path) << text;
        EXPECT_EQ(error_of(read),
                  path +
                      " holds no key for secrets: that is 64 hexadecimal digits, or 32 bytes in "
                      "base64 (openssl rand -hex 32 makes one)");
    }
}

TEST(SecretBox, MakesAKeyForItsOwnerOnlyAndOnlyOnce) {
    const TempFolder folder;
    const std::string path = (folder.path() / "secret.key").string();

    const std::string sealed = SecretBox::from_new_file(path).seal("hunter2", "a");

    EXPECT_EQ(SecretBox::from_new_file(path).open(sealed, "a"), "hunter2");
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Passwords, AreAsLongAsAskedAndReadWell) {
    std::set<std::string> seen;
    std::set<char> letters;
    for (int i = 0; i < 200; ++i) {
        const std::string password = new_password(20);
        EXPECT_EQ(password.size(), 20U);
        EXPECT_EQ(password.find_first_of("0O1lIo"), std::string::npos);
        seen.insert(password);
        letters.insert(password.begin(), password.end());
    }
    EXPECT_EQ(seen.size(), 200U);
    EXPECT_EQ(letters.size(), 56U) << "every letter comes up";
    EXPECT_EQ(new_password(0), "");
}

}  // namespace
}  // namespace slipway
