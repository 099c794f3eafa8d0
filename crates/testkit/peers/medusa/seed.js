// Fills a fresh Medusa with what a shop needs before it can sell, over its own API, and prints its keys as JSON.
// Takes: PORT, and a user's EMAIL and PASSWORD (`medusa user` made it).
const base = `http://127.0.0.1:${process.env.PORT}`;
const headers = { 'content-type': 'application/json' };

async function call(method, path, body) {
  const answer = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}
const post = (path, body) => call('POST', path, body);

async function seed() {
  const { EMAIL: email, PASSWORD: password } = process.env;
  headers.authorization = `Bearer ${(await post('/auth/user/emailpass', { email, password })).token}`;
  const { stores: [store] } = await call('GET', '/admin/stores');
  const { sales_channels: [channel] } = await call('GET', '/admin/sales-channels');
  await post(`/admin/stores/${store.id}`, {
    name: 'Bonded Test Shop',
    supported_currencies: [{ currency_code: 'eur', is_default: true }],
    default_sales_channel_id: channel.id,
  });
  const { region } = await post('/admin/regions', {
    name: 'Europe', currency_code: 'eur', countries: ['de', 'nl'], payment_providers: ['pp_system_default'],
  });
  await post('/admin/tax-regions', { country_code: 'de', provider_id: 'tp_system', default_tax_rate: { rate: 0, code: 'none', name: 'None' } });
  const { stock_location: location } = await post('/admin/stock-locations', { name: 'Main warehouse' });
  await post(`/admin/stock-locations/${location.id}/sales-channels`, { add: [channel.id] });
  await post(`/admin/stock-locations/${location.id}/fulfillment-providers`, { add: ['manual_manual'] });
  const made = await post(`/admin/stock-locations/${location.id}/fulfillment-sets?fields=*fulfillment_sets`, { name: 'Shipping', type: 'shipping' });
  const set = made.stock_location.fulfillment_sets[0];
  const zoned = await post(`/admin/fulfillment-sets/${set.id}/service-zones?fields=*service_zones`, {
    name: 'Europe', geo_zones: [{ type: 'country', country_code: 'de' }, { type: 'country', country_code: 'nl' }],
  });
  const zone = zoned.fulfillment_set.service_zones[0];
  const profiles = await call('GET', '/admin/shipping-profiles');
  const profile = profiles.shipping_profiles[0] ?? (await post('/admin/shipping-profiles', { name: 'Default', type: 'default' })).shipping_profile;
  const { shipping_option: shipping } = await post('/admin/shipping-options', {
    name: 'Parcel', service_zone_id: zone.id, shipping_profile_id: profile.id, provider_id: 'manual_manual', price_type: 'flat',
    type: { label: 'Parcel', description: 'By parcel', code: 'parcel' },
    prices: [{ currency_code: 'eur', amount: 4.9 }], rules: [],
  });
  const publishable = (await post('/admin/api-keys', { title: 'Shop window', type: 'publishable' })).api_key;
  await post(`/admin/api-keys/${publishable.id}/sales-channels`, { add: [channel.id] });
  const secret = (await post('/admin/api-keys', { title: 'Bonded', type: 'secret' })).api_key;
  return {
    secret: secret.token, publishable: publishable.token, region: region.id, location: location.id, channel: channel.id,
    profile: profile.id, shipping: shipping.id,
  };
}

seed().then(keys => console.log(JSON.stringify(keys))).catch(error => {
  console.error(error);
  process.exit(1);
});
