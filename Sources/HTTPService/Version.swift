import Hummingbird
import HummingbirdCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// The version that this server says it is.
public let laterbaseVersion = "0.1.0"
