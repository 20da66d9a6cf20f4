//! An allocator that counts: how often it was asked, how much is in use, and how much was at most.
//! A test program that includes this one has it.
#![allow(unsafe_code)]
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static IN_USE: AtomicUsize = AtomicUsize::new(0);
static IN_USE_MAX: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    // Made without an allocation, and there until the thread has ended.
    static HERE: Cell<u64> = const { Cell::new(0) };
}

fn more(bytes: usize) {
    HERE.set(HERE.get() + 1);
    ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    let in_use = IN_USE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    IN_USE_MAX.fetch_max(in_use, Ordering::Relaxed);
}

fn less(bytes: usize) {
    IN_USE.fetch_sub(bytes, Ordering::Relaxed);
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        more(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        more(layout.size());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        less(layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        more(size);
        less(layout.size());
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often memory was asked for, by the whole process.
pub(crate) fn allocations() -> u64 {
    ALLOCATIONS.load(Ordering::Relaxed)
}

/// How often the calling thread asked for memory.
pub(crate) fn allocations_here() -> u64 {
    HERE.get()
}

/// How many bytes are in use now, by the whole process.
pub(crate) fn bytes_in_use() -> usize {
    IN_USE.load(Ordering::Relaxed)
}

/// How many bytes more than now are in use at most while `run` runs.
pub(crate) fn bytes_max<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = IN_USE.load(Ordering::Relaxed);
    IN_USE_MAX.store(before, Ordering::Relaxed);
    let result = run();
    let most = IN_USE_MAX.load(Ordering::Relaxed);
    (result, most.saturating_sub(before))
}
