// The embedded broker as a program, for tests that want one of their own.

#include "topics/embedded_broker.h"

int main() {
    return slipway::serve_embedded_broker();
}
