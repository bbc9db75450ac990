#include "consumers/runtime/secret_file.h"

#include <sys/stat.h>

#include <fstream>

#include "consumers/runtime/error.h"

namespace slipway {
namespace {

constexpr std::size_t most_bytes = 1 << 20;  // whoever names /dev/zero hears of it

}  // namespace

std::string read_secret_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::string secret(most_bytes + 1, '\0');
    in.read(secret.data(), static_cast<std::streamsize>(secret.size()));
    if (!in.is_open() || in.bad()) throw Error("cannot read a secret from " + path);
    secret.resize(static_cast<std::size_t>(in.gcount()));
    if (secret.size() > most_bytes) throw Error(path + " holds no secret: it is too large");
    while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
    if (secret.empty()) throw Error(path + " holds no secret: it is empty");
    return secret;
}

bool is_open_to_everyone(const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

}  // namespace slipway
