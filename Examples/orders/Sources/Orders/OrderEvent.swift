import ViewKit

/// What happens to an order. In JSON: `{"type":"placed","order":"O-1","customer":"ACME","cents":1250}`, `{"type":"cancelled","order":"O-1"}`.
enum OrderEvent: EventType {
  case placed(Placed)
  case cancelled(Cancelled)

  struct Placed: Codable, Sendable {
    var order: String
    var customer: String
    var cents: Int
  }

  struct Cancelled: Codable, Sendable {
    var order: String
  }

  static var readings: [Reading<Self>] {
    Reading("placed", Placed.self, upcast: Self.placed)
    Reading("cancelled", Cancelled.self, upcast: Self.cancelled)
  }

  func encode(to encoder: any Encoder) throws {
    switch self {
    case .placed(let event): try encoder.flat("placed", event)
    case .cancelled(let event): try encoder.flat("cancelled", event)
    }
  }
}
