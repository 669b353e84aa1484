import LaterbaseCommands
import ViewKit

@main struct App: LaterbaseMain {
  static let databases: [any DatabaseDeclaration] = [
    Database("orders", of: OrderEvent.self, hooks: [OrderRules(), Confirmations()]) {
      TurnoverByCustomer()
      LastStatus()
    }
  ]
}
