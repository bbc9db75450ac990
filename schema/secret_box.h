#pragma once
// Secrets as rows keep them: AES-256-GCM under a key from a file. Without a key nothing is stored
// and nothing is read: seal() and open() throw and say which setting is missing.
//
// A sealed text is v1:base64(nonce, tag, cipher text). What it belongs to ("vm/5546/password") is
// authenticated with it, so that nobody can move one secret to another row.

#include <optional>
#include <string>
#include <string_view>

namespace slipway {

class SecretBox {
  public:
    SecretBox() = default;                // without a key
    explicit SecretBox(std::string key);  // 32 bytes
    // 64 hexadecimal digits, or 32 bytes in base64. Throws std::runtime_error naming the file.
    static SecretBox from_file(const std::string& path);
    // Writes a new random key for its owner alone to read, if there is no such file.
    static SecretBox from_new_file(const std::string& path);

    bool has_key() const { return !key_.empty(); }
    std::string seal(std::string_view secret, std::string_view belongs_to) const;
    std::string open(std::string_view sealed, std::string_view belongs_to) const;

  private:
    std::string key_;
};

// What a VM's first password belongs to.
std::string password_of(std::string_view service_id);

// Random letters and digits that cannot be mistaken for each other when read aloud.
std::string new_password(std::size_t length);

}  // namespace slipway
