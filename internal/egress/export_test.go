package egress

// NewTransportDialing is NewTransport with a dialer of the test's, whose resolver need not be the system's.
var NewTransportDialing = newTransport
