// Fills a fresh Vendure with what a shop needs before it can sell, over its own API, and prints its keys as JSON.
// Takes: PORT.
const base = `http://127.0.0.1:${process.env.PORT}/admin-api`;
const headers = { 'content-type': 'application/json' };

async function call(query, variables) {
  const answer = await fetch(base, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const token = answer.headers.get('vendure-auth-token');
  if (token) headers.authorization = `Bearer ${token}`;
  const said = await answer.json();
  if (said.errors) throw new Error(JSON.stringify(said.errors));
  return said.data;
}
const english = (name, more) => [{ languageCode: 'en', name, ...more }];

// What an integration has to do, and nothing that it has not.
const PERMISSIONS = [
  'ReadCatalog', 'CreateCatalog', 'UpdateCatalog', 'DeleteCatalog', 'ReadOrder', 'CreateOrder', 'UpdateOrder', 'DeleteOrder', 'ReadCustomer',
  'CreateCustomer', 'ReadStockLocation', 'ReadSettings',
];

async function seed() {
  await call('mutation { login(username: "officer", password: "of the tests alone") { __typename } }');
  const { createCountry: germany } = await call(
    'mutation ($input: CreateCountryInput!) { createCountry(input: $input) { id } }',
    { input: { code: 'DE', enabled: true, translations: english('Germany') } });
  const { createZone: zone } = await call(
    'mutation ($input: CreateZoneInput!) { createZone(input: $input) { id } }',
    { input: { name: 'Europe', memberIds: [germany.id] } });
  const { createTaxCategory: category } = await call(
    'mutation { createTaxCategory(input: { name: "Standard", isDefault: true }) { id } }');
  await call('mutation ($input: CreateTaxRateInput!) { createTaxRate(input: $input) { id } }',
    { input: { name: 'None', enabled: true, value: 0, categoryId: category.id, zoneId: zone.id } });
  const { activeChannel: channel } = await call('{ activeChannel { id } }');
  await call('mutation ($input: UpdateChannelInput!) { updateChannel(input: $input) { __typename ... on ErrorResult { message } } }',
    { input: {
      id: channel.id, defaultTaxZoneId: zone.id, defaultShippingZoneId: zone.id, pricesIncludeTax: true,
      availableCurrencyCodes: ['EUR'], defaultCurrencyCode: 'EUR', trackInventory: true,
    } });
  await call('mutation { updateGlobalSettings(input: { trackInventory: true }) { __typename } }');
  await call('mutation ($input: CreateShippingMethodInput!) { createShippingMethod(input: $input) { id } }', { input: {
    code: 'parcel', fulfillmentHandler: 'manual-fulfillment', translations: english('Parcel', { description: 'By parcel' }),
    checker: { code: 'default-shipping-eligibility-checker', arguments: [{ name: 'orderMinimum', value: '0' }] },
    calculator: { code: 'default-shipping-calculator', arguments: [
      { name: 'rate', value: '490' }, { name: 'includesTax', value: 'auto' }, { name: 'taxRate', value: '0' }] },
  } });
  await call('mutation ($input: CreatePaymentMethodInput!) { createPaymentMethod(input: $input) { id } }', { input: {
    code: 'try', enabled: true, translations: english('Try', { description: '' }),
    handler: { code: 'dummy-payment-handler', arguments: [{ name: 'automaticSettle', value: 'true' }] },
  } });
  const { createRole: role } = await call('mutation ($input: CreateRoleInput!) { createRole(input: $input) { id } }',
    { input: { code: 'bonded', description: 'Bonded', permissions: PERMISSIONS } });
  const { createApiKey: key } = await call('mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey } }',
    { input: { roleIds: [role.id], translations: english('Bonded') } });
  await call('mutation ($input: CreateAdministratorInput!) { createAdministrator(input: $input) { id } }', { input: {
    firstName: 'Bonded', lastName: 'Bonded', emailAddress: 'bonded@bonded.invalid', password: 'of the tests, limited', roleIds: [role.id],
  } });
  const { stockLocations } = await call('{ stockLocations { items { id } } }');
  return { secret: key.apiKey, location: stockLocations.items[0].id };
}

seed().then(keys => console.log(JSON.stringify(keys))).catch(error => {
  console.error(error);
  process.exit(1);
});
