#include "schema/secret_box.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "schema/base64.h"

namespace slipway {
namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t nonce_bytes = 12;  // what GCM is made for
constexpr std::size_t tag_bytes = 16;
constexpr std::string_view version = "v1:";

constexpr std::string_view no_key =
    "there is no key for secrets: set secrets.key_file (openssl rand -hex 32 makes a key)";

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

Cipher new_cipher() {
    return {EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
}

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes_of(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

int size_of(std::string_view text) {
    return static_cast<int>(text.size());
}

// Of OpenSSL's own calls, which fail when memory or randomness has run out.
void must(int answer) {
    if (answer != 1) throw std::runtime_error("OpenSSL could not encrypt or make random bytes");
}

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    must(RAND_bytes(bytes_of(bytes), size_of(bytes)));
    return bytes;
}

std::string hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4U];
        out += digits[byte & 15U];
    }
    return out;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// Empty if it is no key in any of the two forms.
std::string key_in(std::string_view text) {
    if (text.size() != 2 * key_bytes) {
        std::string key = from_base64(text);
        return base64(key) == text && key.size() == key_bytes ? key : "";
    }
    std::string key;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_digit(text[i]);
        const int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) return {};
        key += static_cast<char>(high * 16 + low);
    }
    return key;
}

[[noreturn]] void cannot(const std::string& what, const std::string& path) {
    throw std::runtime_error("cannot " + what + " " + path + ": " +
                             std::generic_category().message(errno));
}

void write_for_owner(const std::string& path, const std::string& text) {
    ::unlink(path.c_str());  // left by a process that died here
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) cannot("write", path);
    const bool is_written =
        ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
        ::fsync(file) == 0;
    const int why = errno;
    ::close(file);
    errno = why;
    if (!is_written) cannot("write", path);
}

}  // namespace

SecretBox::SecretBox(std::string key) : key_(std::move(key)) {
    if (key_.size() != key_bytes) throw std::logic_error("a key has 32 bytes");
}

SecretBox SecretBox::from_file(const std::string& path) {
    std::ifstream in(path);
    std::string text;
    if (!(in >> text))
        throw std::runtime_error("cannot read a key for secrets from " + path +
                                 ": there is no such file, or it is empty");
    std::string more;
    const std::string key = key_in(text);
    if (key.empty() || in >> more)
        throw std::runtime_error(path +
                                 " holds no key for secrets: that is 64 hexadecimal digits, or 32 "
                                 "bytes in base64 (openssl rand -hex 32 makes one)");
    return SecretBox(key);
}

SecretBox SecretBox::from_new_file(const std::string& path) {
    if (::access(path.c_str(), F_OK) == 0) return from_file(path);
    const std::string draft = path + "." + std::to_string(::getpid());
    write_for_owner(draft, hex(random_bytes(key_bytes)) + "\n");
    // Of two processes that come at once one wins, and nobody ever reads half a key.
    const int linked = ::link(draft.c_str(), path.c_str());
    const int why = errno;
    ::unlink(draft.c_str());
    errno = why;
    if (linked != 0 && why != EEXIST) cannot("write", path);
    return from_file(path);
}

std::string SecretBox::seal(std::string_view secret, std::string_view belongs_to) const {
    if (!has_key()) throw std::runtime_error(std::string(no_key));
    const std::string nonce = random_bytes(nonce_bytes);
    std::string sealed(secret.size(), '\0');
    std::string tag(tag_bytes, '\0');
    int length = 0;
    const Cipher cipher = new_cipher();
    must(EVP_EncryptInit_ex(
        cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key_), bytes_of(nonce)));
    must(EVP_EncryptUpdate(
        cipher.get(), nullptr, &length, bytes_of(belongs_to), size_of(belongs_to)));
    must(EVP_EncryptUpdate(
        cipher.get(), bytes_of(sealed), &length, bytes_of(secret), size_of(secret)));
    must(EVP_EncryptFinal_ex(cipher.get(), bytes_of(tag), &length));
    must(EVP_CIPHER_CTX_ctrl(
        cipher.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(tag_bytes), tag.data()));
    return std::string(version) + base64(nonce + tag + sealed);
}

std::string SecretBox::open(std::string_view sealed, std::string_view belongs_to) const {
    if (!has_key()) throw std::runtime_error(std::string(no_key));
    const auto cannot_open = [&](std::string_view why) {
        throw std::runtime_error("the secret " + std::string(belongs_to) +
                                 " cannot be opened: " + std::string(why));
    };
    if (!sealed.starts_with(version)) cannot_open("it does not begin with v1:");
    const std::string_view text = sealed.substr(version.size());
    const std::string bytes = from_base64(text);
    if (base64(bytes) != text || bytes.size() < nonce_bytes + tag_bytes)
        cannot_open("it is damaged");
    const std::string_view all = bytes;
    std::string tag(all.substr(nonce_bytes, tag_bytes));
    const std::string_view hidden = all.substr(nonce_bytes + tag_bytes);
    std::string secret(hidden.size(), '\0');
    int length = 0;
    const Cipher cipher = new_cipher();
    must(EVP_DecryptInit_ex(
        cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key_), bytes_of(all)));
    must(EVP_DecryptUpdate(
        cipher.get(), nullptr, &length, bytes_of(belongs_to), size_of(belongs_to)));
    must(EVP_DecryptUpdate(
        cipher.get(), bytes_of(secret), &length, bytes_of(hidden), size_of(hidden)));
    must(EVP_CIPHER_CTX_ctrl(
        cipher.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(tag_bytes), tag.data()));
    std::array<unsigned char, tag_bytes> rest{};
    if (EVP_DecryptFinal_ex(cipher.get(), rest.data(), &length) != 1)
        cannot_open("it was sealed with another key, for another row, or is damaged");
    return secret;
}

std::string password_of(std::string_view service_id) {
    return "vm/" + std::string(service_id) + "/password";
}

std::string new_password(std::size_t length) {
    constexpr std::string_view letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    constexpr std::size_t fair = 256 / letters.size() * letters.size();
    std::string password;
    while (password.size() < length)
        for (const char c : random_bytes(2 * length)) {
            const auto byte = static_cast<unsigned char>(c);
            // Of the bytes beyond, some letters would come more often than others.
            if (byte < fair && password.size() < length) password += letters[byte % letters.size()];
        }
    return password;
}

}  // namespace slipway
