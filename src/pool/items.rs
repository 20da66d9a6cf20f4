//! The items of a pool, held compactly.

use std::{fmt, sync::Arc};

use bincode::{
    Decode, Encode,
    de::Decoder,
    enc::Encoder,
    error::{DecodeError, EncodeError},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{ItemDefinition, numbers::Numbers};

/// What stands for "without limit".
const UNLIMITED: u64 = u64::MAX;

/// The items of a pool in their order.
///
/// A list like `Vec<ItemDefinition>`, in a fraction of its memory: an item takes the bytes of its id
/// and 4 for where it ends, and 4 or 8 each for weight and stock, depending on the largest one. Ids,
/// weights and stocks are shared with every copy of the list until one of them is changed.
///
/// ```
/// use tombola::{ItemDefinition, Items};
///
/// let mut items = Items::new();
/// items.push(&ItemDefinition { id: "gold", weight: 1, stock: Some(10) });
/// items.push(&ItemDefinition { id: "dust", weight: 99, stock: None });
/// assert_eq!(items.at(1).id, "dust");
/// assert_eq!(items.iter().map(|item| item.weight).sum::<u64>(), 100);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Items {
    ids: Arc<Ids>,
    weights: Arc<Numbers>,
    /// With [`UNLIMITED`] for none.
    stocks: Arc<Numbers>,
    /// Where a stock was given that means "without limit": no pool may have one, and whoever
    /// validates it has to be told. In rising order.
    too_large: Vec<u32>,
}

/// All ids, one behind the other.
#[derive(Clone, Default, PartialEq, Eq)]
struct Ids {
    text: String,
    ends: Numbers,
}

impl Ids {
    fn at(&self, place: usize) -> &str {
        let begin = match place {
            0 => 0,
            place => self.ends.at(place - 1),
        };
        &self.text[begin as usize..self.ends.at(place) as usize]
    }
}

impl Items {
    /// No items yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at this place, if there is one.
    pub fn get(&self, place: usize) -> Option<ItemDefinition<&str>> {
        (place < self.len()).then(|| self.at(place))
    }

    /// The item at this place.
    ///
    /// # Panics
    /// If there is none.
    pub fn at(&self, place: usize) -> ItemDefinition<&str> {
        ItemDefinition {
            id: self.ids.at(place),
            weight: self.weights.at(place),
            stock: self.stock_at(place),
        }
    }

    fn stock_at(&self, place: usize) -> Option<u64> {
        let stock = self.stocks.at(place);
        let is_limited =
            stock != UNLIMITED || self.too_large.binary_search(&(place as u32)).is_ok();
        is_limited.then_some(stock)
    }

    /// The items in their order.
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            items: self,
            places: 0..self.len(),
        }
    }

    /// Adds an item behind the others.
    pub fn push(&mut self, item: &ItemDefinition<impl AsRef<str>>) {
        let place = self.len();
        let ids = Arc::make_mut(&mut self.ids);
        ids.text.push_str(item.id.as_ref());
        ids.ends.push(ids.text.len() as u64);
        Arc::make_mut(&mut self.weights).push(item.weight);
        Arc::make_mut(&mut self.stocks).push(UNLIMITED);
        if item.stock.is_some() {
            self.set_stock(place, item.stock);
        }
    }

    /// Gives an item another weight.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn set_weight(&mut self, place: usize, weight: u64) {
        if self.weights.at(place) != weight {
            Arc::make_mut(&mut self.weights).set(place, weight);
        }
    }

    /// Gives an item another stock.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn set_stock(&mut self, place: usize, stock: Option<u64>) {
        if self.stock_at(place) == stock {
            return;
        }
        self.too_large.retain(|other| *other != place as u32);
        if stock == Some(UNLIMITED) {
            let at = self
                .too_large
                .partition_point(|other| *other < place as u32);
            self.too_large.insert(at, place as u32);
        }
        let stock = stock.unwrap_or(UNLIMITED);
        if self.stocks.at(place) != stock {
            Arc::make_mut(&mut self.stocks).set(place, stock);
        }
    }

    /// Only the first so many stay.
    pub(crate) fn truncate(&mut self, len: usize) {
        *self = self.iter().take(len).collect();
    }

    /// The weights, which are shared until either side changes them.
    pub(crate) fn weights(&self) -> &Arc<Numbers> {
        &self.weights
    }

    /// The same with other weights, as many as before.
    pub(crate) fn with_weights(mut self, weights: &Arc<Numbers>) -> Self {
        self.weights = Arc::clone(weights);
        self
    }

    /// Whether an item never runs out.
    pub(crate) fn is_unlimited(&self, place: usize) -> bool {
        self.stocks.at(place) == UNLIMITED
    }

    /// Lets go of room that is kept for more items, where nobody shares it.
    pub(crate) fn shrink_to_fit(&mut self) {
        if let Some(ids) = Arc::get_mut(&mut self.ids) {
            ids.text.shrink_to_fit();
            ids.ends.shrink_to_fit();
        }
        for numbers in [&mut self.weights, &mut self.stocks] {
            if let Some(numbers) = Arc::get_mut(numbers) {
                numbers.shrink_to_fit();
            }
        }
    }
}

/// The items of a pool in their order, made by [`Items::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    items: &'a Items,
    places: std::ops::Range<usize>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = ItemDefinition<&'a str>;

    fn next(&mut self) -> Option<Self::Item> {
        self.places.next().map(|place| self.items.at(place))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.places.size_hint()
    }

    fn nth(&mut self, n: usize) -> Option<Self::Item> {
        self.places.nth(n).map(|place| self.items.at(place))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.places.next_back().map(|place| self.items.at(place))
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a Items {
    type Item = ItemDefinition<&'a str>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<I: AsRef<str>> Extend<ItemDefinition<I>> for Items {
    fn extend<T: IntoIterator<Item = ItemDefinition<I>>>(&mut self, items: T) {
        items.into_iter().for_each(|item| self.push(&item));
    }
}

impl<I: AsRef<str>> FromIterator<ItemDefinition<I>> for Items {
    fn from_iter<T: IntoIterator<Item = ItemDefinition<I>>>(items: T) -> Self {
        let mut all = Self::new();
        all.extend(items);
        all
    }
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl Serialize for Items {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Items;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of items")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Items, A::Error> {
                let mut items = Items::new();
                while let Some(item) = list.next_element::<ItemDefinition>()? {
                    items.push(&item);
                }
                Ok(items)
            }
        }

        deserializer.deserialize_seq(Visitor)
    }
}

/// As a list of items.
impl Encode for Items {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        (self.len() as u64).encode(encoder)?;
        self.iter().try_for_each(|item| item.encode(encoder))
    }
}

impl<C> Decode<C> for Items {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let len = claimed_len::<ItemDefinition, D>(decoder)?;
        let mut items = Self::new();
        for _ in 0..len {
            decoder.unclaim_bytes_read(size_of::<ItemDefinition>());
            items.push(&ItemDefinition::<String>::decode(decoder)?);
        }
        items.shrink_to_fit();
        Ok(items)
    }
}

bincode::impl_borrow_decode!(Items);

/// How long a list is, if so many can be there.
pub(super) fn claimed_len<T, D: Decoder>(decoder: &mut D) -> Result<usize, DecodeError> {
    let len = u64::decode(decoder)?;
    let len = usize::try_from(len).map_err(|_| DecodeError::OutsideUsizeRange(len))?;
    decoder.claim_container_read::<T>(len)?;
    Ok(len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{decoded, encoded};
    use super::*;

    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![
            0..10u64,
            u64::from(u32::MAX) - 2..u64::from(u32::MAX) + 2,
            u64::MAX - 2..=u64::MAX,
        ]
    }

    fn item() -> impl Strategy<Value = ItemDefinition> {
        (".{0,3}", number(), prop::option::of(number()))
            .prop_map(|(id, weight, stock)| ItemDefinition { id, weight, stock })
    }

    fn owned(items: &Items) -> Vec<ItemDefinition> {
        items.iter().map(ItemDefinition::from).collect()
    }

    proptest! {
        #[test]
        fn it_is_a_list(
            mut list in prop::collection::vec(item(), 0..20),
            changes in prop::collection::vec((any::<prop::sample::Index>(), item()), 0..10),
            kept in any::<prop::sample::Index>(),
        ) {
            let before: Items = list.iter().cloned().collect();
            let mut items = before.clone();
            let unchanged = list.clone();
            for (index, change) in changes {
                if list.is_empty() {
                    break;
                }
                let place = index.index(list.len());
                items.set_weight(place, change.weight);
                items.set_stock(place, change.stock);
                (list[place].weight, list[place].stock) = (change.weight, change.stock);
            }
            prop_assert_eq!(owned(&items), &list[..]);
            prop_assert_eq!(owned(&before), unchanged, "a copy is one");
            prop_assert_eq!(format!("{items:?}"), format!("{list:?}"));
            prop_assert_eq!(items == before, owned(&items) == owned(&before));
            // In files it is a list as well.
            let bytes = encoded(&items);
            prop_assert_eq!(&bytes, &encoded(&list));
            prop_assert_eq!(decoded::<Items>(&bytes), items.clone());
            let json = serde_json::to_string(&items).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&list).unwrap());
            prop_assert_eq!(serde_json::from_str::<Items>(&json).unwrap(), items.clone());
            let len = kept.index(list.len() + 1);
            items.truncate(len);
            prop_assert_eq!(owned(&items), &list[..len]);
            prop_assert_eq!(items.get(len), None);
        }
    }
}
