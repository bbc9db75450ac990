#include "ops/sandbox/certificate.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>

#include "consumers/runtime/error.h"

namespace slipway::sandbox {
namespace {

void need(bool done, const char* what) {
    if (!done) throw Error(fmt::format("cannot make a certificate: OpenSSL: {}", what));
}

bool is_address(const std::string& host) {
    return host.find_first_not_of("0123456789.") == std::string::npos ||
           host.find(':') != std::string::npos;
}

void add_names(X509* certificate, const std::string& host) {
    const std::string names =
        fmt::format("DNS:localhost,IP:127.0.0.1,{}:{}", is_address(host) ? "IP" : "DNS", host);
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    const std::shared_ptr<X509_EXTENSION> extension(
        X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, names.c_str()),
        X509_EXTENSION_free);
    need(extension != nullptr, "subject names");
    X509_add_ext(certificate, extension.get(), -1);
}

std::string fingerprint_of(const X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned length = 0;
    need(X509_digest(certificate, EVP_sha256(), bytes.data(), &length) == 1, "fingerprint");
    std::string text;
    for (unsigned i = 0; i < length; ++i) text += fmt::format("{}{:02X}", i ? ":" : "", bytes[i]);
    return text;
}

std::string pem_of(X509* certificate) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
    need(PEM_write_bio_X509(memory.get(), certificate) == 1, "PEM");
    char* text = nullptr;
    const long length = BIO_get_mem_data(memory.get(), &text);
    return {text, static_cast<std::size_t>(length)};
}

}  // namespace

Certificate new_certificate(const std::string& host) {
    constexpr long year = 365L * 24 * 3600;
    Certificate made;
    made.key = {EVP_EC_gen("P-256"), EVP_PKEY_free};
    need(made.key != nullptr, "key");
    made.certificate = {X509_new(), X509_free};
    X509* certificate = made.certificate.get();
    need(certificate != nullptr, "certificate");
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), year);
    X509_set_pubkey(certificate, made.key.get());
    X509_NAME* name = X509_get_subject_name(certificate);
    const auto* common = reinterpret_cast<const unsigned char*>("Slipway sandbox");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    add_names(certificate, host);
    need(X509_sign(certificate, made.key.get(), EVP_sha256()) != 0, "signature");
    made.fingerprint = fingerprint_of(certificate);
    made.pem = pem_of(certificate);
    return made;
}

}  // namespace slipway::sandbox
