import ViewKit

/// Says what an order must be, where it is recorded: refuses one of no value, and takes the spaces from around the customer's name.
struct OrderRules: Hook {
  let name = "order-rules"

  func willAppend(_ event: inout OrderEvent) async throws(Refusal) {
    guard case .placed(var order) = event else { return }
    if order.cents <= 0 { throw Refusal("/cents", "must be more than 0") }
    let name = order.customer.split(separator: " ").joined(separator: " ")
    guard name != order.customer else { return }
    // By the event alone: a client that sends it again must get the same event.
    order.customer = name
    event = .placed(order)
  }
}
