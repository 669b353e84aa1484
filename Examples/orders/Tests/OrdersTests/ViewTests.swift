import Testing
import ViewLaws

@testable import Orders

/// Both views, over random orders in every order of arrival.
@Suite struct ViewTests {
  func event(_ random: inout any RandomNumberGenerator) -> OrderEvent {
    let order = "O-\(Int.random(in: 1...5, using: &random))"
    guard Bool.random(using: &random) else { return .cancelled(.init(order: order)) }
    let customer = ["ACME", "Umbrella"].randomElement(using: &random) ?? ""
    return .placed(.init(order: order, customer: customer, cents: .random(in: 1...999, using: &random)))
  }

  @Test func `Turnover by customer`() throws { try ViewLaws.check(TurnoverByCustomer(), event: event) }
  @Test func `Last status`() throws { try ViewLaws.check(LastStatus(), event: event) }
}
